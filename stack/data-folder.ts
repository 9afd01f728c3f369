import { chmod, mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { isLock, takeLock } from './lock.ts'

/** All that a stack keeps; whoever has it open is the only one. */
export interface DataFolder {
  path: string
  release(): Promise<void>
}

/** Another stack runs on this data folder. */
class AlreadyRunning extends Error {
  readonly code = 'already_running'
}

/** Opens the data folder, made if missing; others may pass through it to Postgres's own, and see nothing else. */
export async function openDataFolder(dataDir: string): Promise<DataFolder> {
  const path = resolve(dataDir)
  await mkdir(path, { recursive: true })
  await chmod(path, 0o711)
  const lock = await takeLock(join(path, 'lock'))
  if (isLock(lock)) return { path, release: () => lock.release() }
  throw new AlreadyRunning(`Keystone runs already on ${path} (pid ${lock.pid ?? 'unknown'}): end it first, or set KEYSTONE_DATA_DIR`)
}
