import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { rootKeyFile } from './root-key.ts'
import type { LabServer } from './server.ts'
import { stateFolder } from './settings.ts'

/** The argv of an ssh to a server as root that accepts its pinned host key and no other. */
export async function sshArgv({ container, address, hostKey }: LabServer, command: readonly string[]): Promise<string[]> {
  const folder = join(stateFolder, 'known-hosts')
  const file = join(folder, container)
  await mkdir(folder, { recursive: true })
  await writeFile(file, `${address} ${hostKey}\n`)
  const pinned = [`UserKnownHostsFile=${file}`, 'GlobalKnownHostsFile=/dev/null', 'StrictHostKeyChecking=yes']
  const options = [...pinned, 'IdentitiesOnly=yes', 'BatchMode=yes'].flatMap((option) => ['-o', option])
  return ['ssh', '-i', rootKeyFile, ...options, `root@${address}`, ...command]
}
