import { execFile } from 'node:child_process'
import { chmod, cp, mkdir, mkdtemp, readlink, rename, rm, stat, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { findBinaries } from './binaries.ts'

const run = promisify(execFile)
const userName = 'keystone-postgres'
const root = '/var/lib/keystone'

/** Whom Postgres runs as: it refuses root, so root gives it a user of its own; null is the user we are. */
export type PostgresUser = { uid: number; gid: number } | null

/** Where Postgres can run: `binaries` holds bin, lib and share, `home` is a folder whose subfolders `user` can reach. */
export interface Placement {
  user: PostgresUser
  binaries: string
  home: string
}

/**
 * Finds a place for Postgres: `folder`, made if missing. As root, where its user cannot traverse to there or to the binaries (a
 * checkout below /root), `folder` becomes a link to one in /var/lib/keystone, and the binaries are copied beside that.
 */
export async function placePostgres(folder: string): Promise<Placement> {
  const { folder: installed, version } = findBinaries()
  if (process.getuid?.() !== 0) return { user: null, binaries: installed, home: await madePassable(folder) }
  const user = await postgresUser()
  const home = await madePassable((await isPassable(dirname(folder))) ? folder : await elsewhere(folder))
  const binaries = (await isPassable(installed)) ? installed : await copied(installed, join(root, `postgres-${version}`))
  return { user, binaries, home }
}

async function postgresUser(): Promise<PostgresUser> {
  const id = async (flag: '-u' | '-g') => Number((await run('id', [flag, userName])).stdout)
  const options = ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin']
  await id('-u').catch(() => run('useradd', [...options, userName]))
  return { uid: await id('-u'), gid: await id('-g') }
}

/** Whether everybody may pass through every folder on the way, so that another user can get there. */
async function isPassable(folder: string): Promise<boolean> {
  const { mode } = await stat(folder)
  if ((mode & 0o001) === 0) return false
  return folder === dirname(folder) || isPassable(dirname(folder))
}

/** The link lies in the checkout: who removes that starts anew, and no two checkouts share one. */
async function elsewhere(folder: string): Promise<string> {
  const known = await readlink(folder).catch(() => null)
  if (known !== null) return known
  await madePassable(root)
  const home = await mkdtemp(join(root, 'data-'))
  await symlink(home, folder)
  return home
}

async function madePassable(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true })
  await chmod(folder, 0o755)
  return folder
}

/** Copies the binaries once; a copy that was cut short never gets the final name. */
async function copied(from: string, to: string): Promise<string> {
  if (await stat(to).then(() => true, () => false)) return to
  await madePassable(dirname(to))
  const unfinished = `${to}.${process.pid}`
  await cp(from, unfinished, { recursive: true, verbatimSymlinks: true })
  await run('chmod', ['-R', 'a+rX', unfinished])
  await rename(unfinished, to).catch(() => rm(unfinished, { recursive: true }))
  return to
}
