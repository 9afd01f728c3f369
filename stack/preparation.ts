import type { TemporalConfig } from '../config.ts'
import { connect } from '../db/connect.ts'
import { migrate } from '../db/migrate.ts'
import { ensureOwner } from '../db/owner.ts'
import type { Secret } from '../domain/secret.ts'
import { ensureKeyFile } from '../drivers/secrets/key-file.ts'
import { connectTemporal } from '../drivers/temporal/connect.ts'
import { prepareNamespace } from '../drivers/temporal/namespace.ts'
import type { Say } from './say.ts'

/**
 * Brings the database to the newest schema, makes the key file and the first user where there is none, and shows that one's
 * token.
 */
export async function prepareDatabase(databaseUrl: Secret, keyFile: string, say: Say): Promise<void> {
  await ensureKeyFile(keyFile)
  await migrate(databaseUrl.reveal())
  say('Postgres is up, with the newest schema')
  const { db, close } = connect(databaseUrl.reveal(), 1)
  try {
    const token = await ensureOwner(db)
    if (token) say(`The owner's token, shown this once: ${token.reveal()}`)
  } finally {
    await close()
  }
}

/** Sets what Keystone needs of its namespace, which has to be there. */
export async function prepareTemporal(temporal: TemporalConfig): Promise<void> {
  const { connection } = connectTemporal(temporal)
  try {
    await prepareNamespace(connection, temporal.namespace)
  } finally {
    await connection.close()
  }
}
