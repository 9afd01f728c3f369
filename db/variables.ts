import { and, asc, desc, eq, getTableColumns, max, sql } from 'drizzle-orm'
import type { EnvironmentId, UserId } from '../domain/ids.ts'
import type { Keyring } from '../domain/keyring.ts'
import { sealedPlaces } from '../domain/sealed-places.ts'
import type { Secret } from '../domain/secret.ts'
import type { Database } from './connect.ts'
import { newId } from './ids.ts'
import { behindCursor, cutPage, type Page, type PageRequest } from './page.ts'
import { environmentVariableChanges, environmentVariables, users } from './schema/index.ts'

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

/** A variable that Keystone has made, and what it has made it from. */
export interface ReplacedVariable {
  environmentId: EnvironmentId
  key: string
  from: Secret
  to: Secret
}

/** Gives a system variable another value; one that has come to be something else stays. */
export async function replaceSystemVariable(tx: Database, keyring: Keyring, { environmentId, key, from, to }: ReplacedVariable): Promise<void> {
  const isIt = and(eq(environmentVariables.environmentId, environmentId), eq(environmentVariables.key, key), eq(environmentVariables.source, 'system'))
  const [row] = await tx.select().from(environmentVariables).where(isIt).for('update')
  if (!row || opened(keyring, row).value.reveal() !== from.reveal()) return
  const value = keyring.seal(to, sealedPlaces.variable(row.id))
  await tx.update(environmentVariables).set({ value, version: row.version + 1 }).where(eq(environmentVariables.id, row.id))
}

/** What becomes of the user's variables: null removes one. */
export interface VariableChanges {
  environmentId: EnvironmentId
  values: Readonly<Record<string, Secret | null>>
  /** Who wishes it; null where nobody did. */
  userId?: UserId | null
}

/** What came of one key; its version counts the changes that it had, and a release pins it. */
export interface ChangedVariable {
  key: string
  change: 'set' | 'removed' | 'unchanged'
  /** Null where there is no value. */
  version: number | null
}

/**
 * Changes the user's variables in the caller's transaction, in which nobody else changes them, and keeps who did. What has the wished
 * value already stays as it is.
 */
export async function changeVariables(
  tx: Database,
  keyring: Keyring,
  { environmentId, values, userId = null }: VariableChanges,
): Promise<ChangedVariable[]> {
  const present = new Map((await usersOwn(tx, keyring, environmentId)).map((variable) => [variable.key, variable]))
  const latest = await latestVersions(tx, environmentId)
  const changed = Object.entries(values).map(([key, value]): ChangedVariable & { value: Secret | null } => {
    const before = present.get(key)
    if (before?.value.reveal() === value?.reveal()) return { key, value, change: 'unchanged', version: before?.version ?? null }
    const version = Math.max(latest.get(key) ?? 0, before?.version ?? 0) + 1
    return { key, value, change: value === null ? 'removed' : 'set', version }
  })
  for (const { key, value, change, version } of changed) {
    if (change === 'unchanged' || version === null) continue
    await tx.insert(environmentVariableChanges).values({ environmentId, key, version, change, userId })
    if (value === null) await tx.delete(environmentVariables).where(userVariable(environmentId, key))
    else await storeUsers(tx, keyring, { id: present.get(key)?.id ?? newId(), environmentId, key, value, version })
  }
  return changed.map(({ key, change, version }) => ({ key, change, version: change === 'removed' ? null : version }))
}

async function usersOwn(tx: Database, keyring: Keyring, environmentId: EnvironmentId): Promise<Variable[]> {
  return (await variablesOf(tx, keyring, environmentId)).filter(({ source }) => source === 'user')
}

async function latestVersions(tx: Database, environmentId: EnvironmentId): Promise<Map<string, number>> {
  const { key, version } = environmentVariableChanges
  const rows = await tx
    .select({ key, version: max(version) })
    .from(environmentVariableChanges)
    .where(eq(environmentVariableChanges.environmentId, environmentId))
    .groupBy(key)
  return new Map(rows.map((row) => [row.key, row.version ?? 0]))
}

type UsersVariable = Pick<Variable, 'id' | 'environmentId' | 'key' | 'value' | 'version'>

async function storeUsers(tx: Database, keyring: Keyring, { value, version, ...row }: UsersVariable): Promise<void> {
  const set = { value: keyring.seal(value, sealedPlaces.variable(row.id)), version, updatedAt: sql`now()` }
  const { id: target } = environmentVariables
  await tx.insert(environmentVariables).values({ ...row, ...set, source: 'user' }).onConflictDoUpdate({ target, set })
}

/** A change of a user's variable, and the address of who made it. */
export interface VariableChangeView {
  id: string
  key: string
  version: number
  change: 'set' | 'removed'
  by: string | null
  createdAt: Date
}

/** Who changed which of the user's variables, newest first; of one key where it is named. */
export async function variableHistory(
  db: Database,
  { environmentId, key }: { environmentId: EnvironmentId; key?: string | undefined },
  page: PageRequest,
): Promise<Page<VariableChangeView>> {
  const changes = environmentVariableChanges
  const rows = await db
    .select({ ...getTableColumns(changes), by: users.email })
    .from(changes)
    .leftJoin(users, eq(users.id, changes.userId))
    .where(and(eq(changes.environmentId, environmentId), key === undefined ? undefined : eq(changes.key, key), behindCursor(changes.id, page)))
    .orderBy(desc(changes.id))
    .limit(page.limit + 1)
  return cutPage(rows, page)
}

const userVariable = (environmentId: EnvironmentId, key: string) =>
  and(
    eq(environmentVariables.environmentId, environmentId),
    eq(environmentVariables.key, key),
    eq(environmentVariables.source, 'user'),
  )
