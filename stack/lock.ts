import { open } from 'node:fs/promises'
import { tryLock } from 'fs-native-extensions'

/** A lock that this process has, until it releases it or ends. */
export interface Lock {
  release(): Promise<void>
}

/** Who has a lock instead; null where it has not said so yet. */
export interface Holder {
  pid: number | null
}

/**
 * Takes the lock of the file at `path`, made if missing, or tells who has it. It is the kernel's lock on the open file and goes with
 * the process, so a kill leaves none behind. The file stays.
 */
export async function takeLock(path: string): Promise<Lock | Holder> {
  const file = await open(path, 'a+')
  if (tryLock(file.fd)) {
    await file.truncate()
    await file.write(String(process.pid))
    return { release: () => file.close() }
  }
  const text = await file.readFile('utf8')
  await file.close()
  return { pid: Number(text) || null }
}

export const isLock = (taken: Lock | Holder): taken is Lock => 'release' in taken
