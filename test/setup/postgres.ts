import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { connect } from '../../db/connect.ts'
import { migrate } from '../../db/migrate.ts'
import { answers, clusterUrl, openCluster, serveCommand } from '../../stack/postgres/cluster.ts'
import { placePostgres } from '../../stack/postgres/placement.ts'
import { freePort } from './free-port.ts'
import { tethered } from './tethered.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The address of the test Postgres, with `{database}` in the place of a name. */
    postgres: string
  }
}

/** Quick at the price of durability, which no test needs. */
const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '300' }

/** One Postgres for all test files of a project, with a migrated database `template` to copy. */
export default async function setup(project: TestProject) {
  const folder = await mkdtemp(join(tmpdir(), 'keystone-postgres-'))
  await chmod(folder, 0o755)
  const placement = await placePostgres(folder)
  const cluster = await openCluster(placement, join(placement.home, 'data'), randomBytes(16).toString('hex'))
  const port = await freePort()
  const url = (database: string) => clusterUrl(cluster, port, database)
  const ready = () => answers(url('postgres'))
  const server = await tethered(serveCommand(cluster, port, settings), { user: placement.user, signal: 'INT', ready })
  const { sql, close } = connect(url('postgres'), 1)
  await sql`create database template`
  await close()
  await migrate(url('template'))
  project.provide('postgres', url('{database}'))
  return async () => {
    await server.stop()
    await rm(folder, { recursive: true })
    await rm(placement.home, { recursive: true, force: true })
  }
}
