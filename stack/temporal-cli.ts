import { createHash } from 'node:crypto'
import { access, constants, mkdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { CliSearch } from '../config.ts'
import { isLock, type Lock, takeLock } from './lock.ts'
import type { Say } from './say.ts'
import { buildTemporalCli } from './temporal-build.ts'
import { downloadTemporalCli } from './temporal-download.ts'

const toolModule = fileURLToPath(new URL('../tools/temporal', import.meta.url))

/**
 * The path of a Temporal CLI: the configured one, else that of PATH, else the cached one, else the one the SDK downloads, else
 * one built from the pinned Go module. What was made is kept outside the checkout, by the hash of the module. Safe to call from
 * several processes at once. Throws an error that says what to do when there is no way to one.
 */
export async function findTemporalCli({ configured, folders, cache }: CliSearch, say: Say): Promise<string> {
  if (configured) return configured
  const cached = join(cache, await cacheName())
  for (const path of [...folders.map((folder) => join(folder, 'temporal')), cached]) if (await isExecutable(path)) return path
  return makeCached(cached, say)
}

async function makeCached(path: string, say: Say): Promise<string> {
  await mkdir(dirname(path), { recursive: true })
  const lock = await waitForLock(`${path}.lock`, say)
  try {
    if (!(await isExecutable(path))) await make(path, say)
    return path
  } finally {
    await lock.release()
  }
}

async function waitForLock(path: string, say: Say): Promise<Lock> {
  const first = await takeLock(path)
  if (isLock(first)) return first
  say('Another process is fetching the Temporal CLI: waiting for it')
  const until = Date.now() + 1_800_000
  while (Date.now() < until) {
    const next = await takeLock(path)
    if (isLock(next)) return next
    await pause(250)
  }
  throw new Error(`the Temporal CLI did not come for half an hour: see who holds ${path}`)
}

async function make(path: string, say: Say): Promise<void> {
  const version = await pinnedVersion()
  const unfinished = `${path}.unfinished`
  await rm(unfinished, { force: true })
  const refusal = await downloadTemporalCli(version, unfinished, say)
  if (refusal !== null) {
    say(`The Temporal CLI ${version} cannot be downloaded here (${refusal}): building it from source`)
    await buildTemporalCli(toolModule, unfinished, say)
  }
  await rename(unfinished, path)
}

const isExecutable = (path: string): Promise<boolean> => access(path, constants.X_OK).then(() => true, () => false)

async function cacheName(): Promise<string> {
  const hash = createHash('sha256')
  for (const name of ['go.mod', 'go.sum']) hash.update(await readFile(join(toolModule, name)))
  return `temporal-${hash.digest('hex').slice(0, 16)}`
}

/** As go.mod pins it, such as `v1.5.1`. */
async function pinnedVersion(): Promise<string> {
  const pinned = /^\s*(?:require )?github\.com\/temporalio\/cli (v\S+)/m.exec(await readFile(join(toolModule, 'go.mod'), 'utf8'))
  if (!pinned?.[1]) throw new Error(`${toolModule}/go.mod does not pin github.com/temporalio/cli`)
  return pinned[1]
}
