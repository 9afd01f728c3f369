import { and, asc, eq, sql } from 'drizzle-orm'
import type { EnvironmentId } from '../domain/ids.ts'
import type { Keyring } from '../domain/keyring.ts'
import { sealedPlaces } from '../domain/sealed-places.ts'
import type { Secret } from '../domain/secret.ts'
import type { Database } from './connect.ts'
import { newId } from './ids.ts'
import { environmentVariables } from './schema/index.ts'

type Row = typeof environmentVariables.$inferSelect
/** A variable with its value opened. */
export type Variable = Omit<Row, 'value'> & { value: Secret }

/** The stored variables of an environment, the user's and the system's, opened. */
export async function variablesOf(db: Database, keyring: Keyring, environmentId: EnvironmentId): Promise<Variable[]> {
  const rows = await db
    .select()
    .from(environmentVariables)
    .where(eq(environmentVariables.environmentId, environmentId))
    .orderBy(asc(environmentVariables.key))
  return rows.map((row) => opened(keyring, row))
}

const opened = (keyring: Keyring, row: Row): Variable => ({
  ...row,
  value: keyring.open(row.value, sealedPlaces.variable(row.id)),
})

/** Makes system variables; those that are there already stay as they are. */
export async function insertSystemVariables(
  db: Database,
  keyring: Keyring,
  { environmentId, values }: { environmentId: EnvironmentId; values: Readonly<Record<string, Secret>> },
): Promise<void> {
  const rows = Object.entries(values).map(([key, value]) => {
    const id = newId<string>()
    return { id, environmentId, key, value: keyring.seal(value, sealedPlaces.variable(id)), source: 'system' as const }
  })
  await db.insert(environmentVariables).values(rows).onConflictDoNothing()
}

/** Sets the user's value of a variable. Its version counts the values it had; a release pins it. */
export async function setVariable(
  db: Database,
  keyring: Keyring,
  { environmentId, key, value }: { environmentId: EnvironmentId; key: string; value: Secret },
): Promise<Variable> {
  const [present] = await db
    .select({ id: environmentVariables.id })
    .from(environmentVariables)
    .where(userVariable(environmentId, key))
    .for('update')
  const id = present?.id ?? newId<string>()
  const sealed = keyring.seal(value, sealedPlaces.variable(id))
  const [stored] = await db
    .insert(environmentVariables)
    .values({ id, environmentId, key, value: sealed, source: 'user' })
    .onConflictDoUpdate({
      target: environmentVariables.id,
      set: { value: sealed, version: sql`${environmentVariables.version} + 1` },
    })
    .returning()
  if (!stored) throw new Error(`variable ${key} was not stored`)
  return opened(keyring, stored)
}

/** Removes the user's value of a variable; false when there is none. */
export async function deleteVariable(db: Database, environmentId: EnvironmentId, key: string): Promise<boolean> {
  const removed = await db
    .delete(environmentVariables)
    .where(userVariable(environmentId, key))
    .returning({ id: environmentVariables.id })
  return removed.length > 0
}

const userVariable = (environmentId: EnvironmentId, key: string) =>
  and(
    eq(environmentVariables.environmentId, environmentId),
    eq(environmentVariables.key, key),
    eq(environmentVariables.source, 'user'),
  )
