import { execFile } from 'node:child_process'
import { chown, mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import postgres from 'postgres'
import type { Placement } from './placement.ts'

const run = promisify(execFile)

/** A database cluster on disk; `data` belongs to the placement's user. */
export interface Cluster {
  placement: Placement
  data: string
  password: string
}

/** Makes the cluster at `data` unless it is there already; a half-made one of an interrupted start is made anew. */
export async function openCluster(placement: Placement, data: string, password: string): Promise<Cluster> {
  const cluster = { placement, data, password }
  const complete = await stat(join(data, 'keystone-ready')).then(() => true, () => false)
  if (!complete) await initialise(cluster)
  return cluster
}

async function initialise({ placement: { user, binaries }, data, password }: Cluster): Promise<void> {
  await rm(data, { recursive: true, force: true })
  await mkdir(data, { recursive: true, mode: 0o700 })
  const passwordFile = join(dirname(data), `password-${process.pid}`)
  await writeFile(passwordFile, password, { mode: 0o600 })
  if (user) await Promise.all([data, passwordFile].map((path) => chown(path, user.uid, user.gid)))
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
  const argv = [`--pgdata=${data}`, '--username=keystone', `--pwfile=${passwordFile}`, '--auth=scram-sha-256', ...locale]
  try {
    await run(join(binaries, 'bin/initdb'), argv, { ...user, cwd: '/' })
    await writeFile(join(data, 'keystone-ready'), '')
  } finally {
    await rm(passwordFile)
  }
}

/** The command that serves the cluster on 127.0.0.1 only; settings are Postgres's own. */
export function serveCommand(cluster: Cluster, port: number, settings: Record<string, string> = {}): string[] {
  const all = { listen_addresses: '127.0.0.1', port: String(port), unix_socket_directories: '', ...settings }
  const flags = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  return [join(cluster.placement.binaries, 'bin/postgres'), '-D', cluster.data, ...flags]
}

/** The address of one database of the cluster, with the password inside. */
export const clusterUrl = ({ password }: Pick<Cluster, 'password'>, port: number, database: string): string =>
  `postgres://keystone:${password}@127.0.0.1:${port}/${database}`

/** Whether the server answers; false while it still starts or recovers. */
export async function answers(databaseUrl: string): Promise<boolean> {
  const sql = postgres(databaseUrl, { max: 1, connect_timeout: 2, onnotice: () => {} })
  const isUp = await sql`select 1`.then(() => true, () => false)
  await sql.end({ timeout: 1 })
  return isUp
}
