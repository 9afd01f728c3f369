import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { docker } from './docker.ts'
import { imageTag } from './images.ts'
import { locked } from './lock.ts'
import { stateFolder } from './settings.ts'

const update = 'cat >composer.json && composer update --no-install --no-scripts --quiet && cat composer.lock'

/** The lock file of a composer.json. It names the framework's version that the composer image has, so it is made there. */
export async function composerLock(composerJson: string): Promise<string> {
  const image = imageTag('composer')
  const folder = join(stateFolder, 'composer-locks')
  const file = join(folder, createHash('sha256').update(`${image}\n${composerJson}`).digest('hex').slice(0, 12))
  await mkdir(folder, { recursive: true })
  await locked('composer-lock', async () => {
    if (existsSync(file)) return
    await writeFile(file, await docker(['run', '--rm', '--interactive', image, 'sh', '-c', update], { input: composerJson }))
  })
  return readFile(file, 'utf8')
}
