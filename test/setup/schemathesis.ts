import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { locked } from '../lab/lock.ts'
import { run } from '../lab/run.ts'
import { stateFolder } from '../lab/settings.ts'

const version = '4.32.5'

/** The program Schemathesis; from PyPI into an environment of its own, once on a machine. Throws where there is no Python with venv. */
export async function ensureSchemathesis(): Promise<string> {
  const folder = join(stateFolder, `schemathesis-${version}`)
  const program = join(folder, 'bin/schemathesis')
  await locked('schemathesis', async () => {
    if (existsSync(program)) return
    await rm(folder, { recursive: true, force: true })
    await run(['python3', '-m', 'venv', folder])
    await run([join(folder, 'bin/pip'), 'install', '--quiet', '--disable-pip-version-check', `schemathesis==${version}`])
  })
  return program
}
