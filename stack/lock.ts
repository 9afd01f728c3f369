import { randomBytes } from 'node:crypto'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { identify, isAlive, type ProcessIdentity, processIdentity } from './process-identity.ts'

/**
 * Takes the lock file at `path` for this process. Returns null when it was taken, else who holds it. The lock of a process that
 * has ended counts for nothing, so a kill leaves none behind.
 */
export async function takeLock(path: string): Promise<ProcessIdentity | null> {
  const ours = beside(path)
  await writeFile(ours, JSON.stringify(await identify(process.pid)))
  try {
    for (;;) {
      if (await linked(ours, path)) return null
      const holder = await holderOf(path)
      if (holder && (await isAlive(holder))) return holder
      if (holder) await removeStale(path, holder)
    }
  } finally {
    await rm(ours)
  }
}

export const releaseLock = (path: string): Promise<void> => rm(path, { force: true })

const beside = (path: string): string => `${path}.${randomBytes(4).toString('hex')}`

/** Null where the lock was released in the meantime. */
async function holderOf(path: string): Promise<ProcessIdentity | null> {
  const text = await readFile(path, 'utf8').catch(() => null)
  return text === null ? null : processIdentity.parse(JSON.parse(text))
}

/** By rename: of several who find it stale one gets it, and whoever got a fresh one instead puts it back. */
async function removeStale(path: string, stale: ProcessIdentity): Promise<void> {
  const aside = beside(path)
  if (!(await rename(path, aside).then(() => true, () => false))) return
  const found = await holderOf(aside)
  if (found?.pid !== stale.pid || found.start !== stale.start) await linked(aside, path)
  await rm(aside)
}

/** Gives the file at `from` the name `to`, whole and at once; false where there is such a file. */
async function linked(from: string, to: string): Promise<boolean> {
  return link(from, to).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false
      throw error
    },
  )
}
