import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import postgres from 'postgres'
import { Secret } from '../../domain/secret.ts'
import type { Supervisor } from '../supervision/supervisor.ts'
import { answers, clusterUrl, openCluster, serveCommand } from './cluster.ts'
import { placePostgres } from './placement.ts'

const database = 'keystone'

/** Runs the embedded Postgres with its data in `folder`, on 127.0.0.1. Returns the address of the database `keystone`. */
export async function runPostgres(supervisor: Supervisor, { folder, port }: { folder: string; port: number }): Promise<Secret> {
  const placement = await placePostgres(folder)
  const cluster = await openCluster(placement, join(placement.home, 'data'), await password(join(placement.home, 'password')))
  const maintenance = clusterUrl(cluster, port, 'postgres')
  await supervisor.run({
    name: 'postgres',
    argv: serveCommand(cluster, port),
    cwd: '/',
    env: {},
    user: placement.user,
    isReady: () => answers(maintenance),
  })
  await createDatabase(maintenance)
  return new Secret(clusterUrl(cluster, port, database))
}

/** The address of the database of a stack that runs, by its folder and the port that it has. Throws where there is none yet. */
export async function runningDatabase({ folder, port }: { folder: string; port: number }): Promise<Secret> {
  return new Secret(clusterUrl({ password: await readFile(join(folder, 'password'), 'utf8') }, port, database))
}

/** Made once, before the cluster, which is given it; an empty one is what a kill left. */
async function password(path: string): Promise<string> {
  const known = await readFile(path, 'utf8').catch(() => '')
  if (known !== '') return known
  const made = randomBytes(24).toString('hex')
  await writeFile(path, made, { mode: 0o600 })
  return made
}

async function createDatabase(maintenance: string): Promise<void> {
  const sql = postgres(maintenance, { max: 1 })
  try {
    const [found] = await sql`select from pg_database where datname = ${database}`
    if (!found) await sql`create database ${sql(database)}`
  } finally {
    await sql.end()
  }
}
