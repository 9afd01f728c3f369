import { readKeyring } from '../../drivers/secrets/key-file.ts'
import type { FoundSecret } from '../lab/instruments/secrets.ts'
import { dockerConfigs, scanForSecrets, serverFiles, serverJournal, serverProcesses, texts } from '../lab/instruments/index.ts'
import type { LabServer } from '../lab/index.ts'
import { histories } from './histories.ts'
import type { Scene } from './scene.ts'

/** What is shorter may be a word of everyday language. */
const shortestSecret = 16

/**
 * Looks for every secret of a scene wherever it must not be: the servers' files, images, journal and processes, the logs of
 * API and worker, all histories, the whole database. `known` are those that only the test knows.
 */
export async function secretsSeen(
  scene: Pick<Scene, 'keystone' | 'server'>,
  known: Readonly<Record<string, string>>,
  servers: readonly LabServer[] = [scene.server],
): Promise<{ searched: string[]; found: FoundSecret[] }> {
  const { keystone } = scene
  const secrets = { ...(await sealedSecrets(scene)), ...keystone.secrets, rootKey: scene.server.rootKey, ...known }
  const said = { 'log of the API': keystone.api.output(), 'log of the worker': keystone.worker.output() }
  const told = { ...said, ...(await histories(keystone)), ...(await databaseDump(scene)) }
  const onServer = (server: LabServer) => [serverFiles(server), dockerConfigs(server), serverJournal(server), serverProcesses(server)]
  const places = [...servers.flatMap(onServer), texts(told)]
  return { searched: Object.keys(secrets), found: await scanForSecrets({ secrets, places }) }
}

/** Every sealed column of every row, opened; of the variables only those that Keystone itself keeps secret. */
async function sealedSecrets({ keystone: { database, keyFile } }: Pick<Scene, 'keystone'>): Promise<Record<string, string>> {
  const keyring = await readKeyring(keyFile)
  const places = Object.entries(await tables(database.sql))
    .flatMap(([table, rows]) => rows.map((row) => ({ table, row })))
    .filter(({ table, row }) => table !== 'environment_variables' || row.key === 'APP_KEY')
    .flatMap(({ table, row }) => Object.entries(row).map(([column, value]) => ({ table, row, column, value })))
  const secrets = places.flatMap(({ table, row, column, value }) => {
    if (typeof value !== 'string' || !value.startsWith('k1.')) return []
    const opened = keyring.open(value, { table, column, id: String(row.id ?? row.server_id) }).reveal()
    const owner = `${table}.${column} of ${String(row.name ?? row.key ?? row.id)}`
    return Object.entries(named(opened)).map(([name, secret]) => [`${owner} ${name}`, secret] as const)
  })
  return Object.fromEntries(secrets.filter(([, secret]) => secret.length >= shortestSecret))
}

/** Credentials are sealed as one JSON object. */
function named(opened: string): Record<string, string> {
  return opened.startsWith('{') ? JSON.parse(opened) : { '': opened }
}

async function databaseDump({ keystone: { database } }: Pick<Scene, 'keystone'>): Promise<Record<string, string>> {
  const dumps = Object.entries(await tables(database.sql)).map(([table, rows]) => [`table ${table}`, JSON.stringify(rows)])
  return Object.fromEntries(dumps)
}

async function tables(sql: Scene['keystone']['database']['sql']): Promise<Record<string, Record<string, unknown>[]>> {
  const names = await sql<{ name: string }[]>`
    select table_name as name from information_schema.tables where table_schema = 'public' order by 1`
  const read = async (name: string) => {
    const [row] = await sql.unsafe(`select coalesce(json_agg(row), '[]') as rows from ${name} as row`)
    return [name, row?.rows]
  }
  return Object.fromEntries(await Promise.all(names.map(({ name }) => read(name))))
}
