import { and, asc, eq, sql } from 'drizzle-orm'
import type { EnvironmentId } from '../domain/ids.ts'
import type { Keyring } from '../domain/keyring.ts'
import { sealedPlaces } from '../domain/sealed-places.ts'
import type { Secret } from '../domain/secret.ts'
import type { Database } from './connect.ts'
import { newId } from './ids.ts'
import { buildSecretRows } from './schema/index.ts'

/** A build secret without its value, which nobody is shown. */
export type BuildSecret = Omit<typeof buildSecretRows.$inferSelect, 'value'>

/** For a build: the values, and what stands for each of them in the key of its artifact. */
export interface BuildSecrets {
  values: Readonly<Record<string, Secret>>
  versions: Readonly<Record<string, string>>
}

/** The build secrets of an environment by name, without their values. */
export async function buildSecretsOf(db: Database, environmentId: EnvironmentId): Promise<BuildSecret[]> {
  const rows = await db.select().from(buildSecretRows).where(eq(buildSecretRows.environmentId, environmentId)).orderBy(asc(buildSecretRows.key))
  return rows.map(withoutValue)
}

const withoutValue = ({ value: _, ...secret }: typeof buildSecretRows.$inferSelect): BuildSecret => secret

/** All of them opened, for a build alone. */
export async function buildSecrets(db: Database, keyring: Keyring, environmentId: EnvironmentId): Promise<BuildSecrets> {
  const rows = await db.select().from(buildSecretRows).where(eq(buildSecretRows.environmentId, environmentId))
  return {
    values: Object.fromEntries(rows.map(({ id, key, value }) => [key, keyring.open(value, sealedPlaces.buildSecret(id))])),
    versions: Object.fromEntries(rows.map(({ id, key, version }) => [key, `${id}/${version}`])),
  }
}

/** Sets a build secret. Its version counts the values that it had; the same value again is no other one, and nothing is built for it. */
export async function setBuildSecret(
  tx: Database,
  keyring: Keyring,
  { environmentId, key, value }: { environmentId: EnvironmentId; key: string; value: Secret },
): Promise<BuildSecret> {
  const [present] = await tx.select().from(buildSecretRows).where(named(environmentId, key)).for('update')
  if (present && keyring.open(present.value, sealedPlaces.buildSecret(present.id)).reveal() === value.reveal()) return withoutValue(present)
  const id = present?.id ?? newId<string>()
  const sealed = keyring.seal(value, sealedPlaces.buildSecret(id))
  const [stored] = await tx
    .insert(buildSecretRows)
    .values({ id, environmentId, key, value: sealed })
    .onConflictDoUpdate({ target: buildSecretRows.id, set: { value: sealed, version: sql`${buildSecretRows.version} + 1`, updatedAt: sql`now()` } })
    .returning()
  if (!stored) throw new Error(`build secret ${key} was not stored`)
  return withoutValue(stored)
}

/** False where there is none of this name. */
export async function deleteBuildSecret(tx: Database, environmentId: EnvironmentId, key: string): Promise<boolean> {
  const removed = await tx.delete(buildSecretRows).where(named(environmentId, key)).returning({ id: buildSecretRows.id })
  return removed.length > 0
}

const named = (environmentId: EnvironmentId, key: string) => and(eq(buildSecretRows.environmentId, environmentId), eq(buildSecretRows.key, key))
