import { join, resolve } from 'node:path'
import { loadStackConfig, processEnvironment, type StackConfig } from '../config.ts'
import { connect } from '../db/connect.ts'
import { recoverUser } from '../db/owner.ts'
import type { Secret } from '../domain/secret.ts'
import { chosenPorts } from './ports.ts'
import { runningDatabase } from './postgres/server.ts'

/** Shows a token for a user who has lost his password: `npm run recover -- EMAIL` while `npm start` runs, or with DATABASE_URL. */
async function recover([email]: readonly string[]): Promise<void> {
  if (email === undefined) throw new Error('say whom: npm run recover -- ada@example.com')
  const { db, close } = connect((await databaseOf(loadStackConfig(processEnvironment))).reveal(), 1)
  const token = await recoverUser(db, email).finally(close)
  if (!token) throw new Error(`there is no user ${email}`)
  console.log(`${email} has no password now. A token for one day, to set another with PUT /user/password: ${token.reveal()}`)
}

async function databaseOf({ databaseUrl, dataDir }: StackConfig): Promise<Secret> {
  if (databaseUrl !== null) return databaseUrl
  const folder = resolve(dataDir)
  const { postgres } = await chosenPorts(join(folder, 'ports.json'))
  if (postgres === undefined) throw new Error(`nothing has run on ${folder}: set KEYSTONE_DATA_DIR or DATABASE_URL`)
  return runningDatabase({ folder: join(folder, 'postgres'), port: postgres })
}

try {
  await recover(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
