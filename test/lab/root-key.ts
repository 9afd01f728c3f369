import { existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { locked } from './lock.ts'
import { run } from './run.ts'
import { stateFolder } from './settings.ts'

/** The private half of root's key, for `ssh -i`. */
export const rootKeyFile = join(stateFolder, 'root_ed25519')

/** Root's key on every server of this machine's labs, as a buyer would have given it to the seller. */
export async function rootKey(): Promise<{ privateKey: string; publicKey: string }> {
  await mkdir(stateFolder, { recursive: true, mode: 0o700 })
  await locked('root-key', async () => {
    if (existsSync(rootKeyFile)) return
    await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'keystone-lab', '-f', rootKeyFile])
  })
  return { privateKey: await readFile(rootKeyFile, 'utf8'), publicKey: await readFile(`${rootKeyFile}.pub`, 'utf8') }
}
