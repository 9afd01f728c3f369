import { sql, type SQL } from 'drizzle-orm'
import type { Keyring } from '../domain/keyring.ts'
import { type SealedPosition, sealedPlaces } from '../domain/sealed-places.ts'
import type { Database } from './connect.ts'

/** A sealed column, and the column with the id by which it is authenticated. */
interface SealedColumn {
  table: string
  column: string
  id: string
}

/** Ids of tables that have another primary key than `id`. */
const otherIds: Readonly<Record<string, string>> = { credential_rotations: 'slice_id', machines: 'server_id', server_key_rotations: 'server_id' }

/** Every column that holds sealed values, in a fixed order. */
const sealedColumns: readonly SealedColumn[] = Object.values(sealedPlaces).map((place) => {
  const { table, column } = place('')
  return { table, column, id: otherIds[table] ?? 'id' }
})

/** Which key has sealed a value, as the value itself says. */
const keyOf = (column: SQL) => sql`split_part(${column}, '.', 2)`

/** How many values each key has sealed, in all organisations. */
export async function sealedByKey(db: Database): Promise<{ keyId: string; values: number }[]> {
  const parts = sealedColumns.map(({ table, column }) => {
    const value = sql.identifier(column)
    return sql`select ${keyOf(sql`${value}`)} as key_id from ${sql.identifier(table)} where ${value} is not null`
  })
  const rows = await db.execute<{ key_id: string; values: number }>(
    sql`select key_id, count(*)::int as values from (${sql.join(parts, sql` union all `)}) as sealed group by key_id order by key_id`,
  )
  return rows.map((row) => ({ keyId: row.key_id, values: row.values }))
}

const batchSize = 200

/**
 * Seals the values of the next rows with the current key, where another one has sealed them, and says where to go on; null at the end.
 * A value that somebody changes meanwhile is sealed with the current key by that. Throws where a key is not in the ring.
 */
export async function resealBatch(db: Database, keyring: Keyring, { column: index, after }: SealedPosition): Promise<SealedPosition | null> {
  const sealedColumn = sealedColumns[index]
  if (!sealedColumn) return null
  const { table, column, id } = sealedColumn
  const [from, value, key] = [sql.identifier(table), sql.identifier(column), sql.identifier(id)]
  const rows = await db.execute<{ id: string; sealed: string | null; is_current: boolean }>(sql`
    select ${key}::text as id, ${value} as sealed, ${keyOf(sql`${value}`)} = ${keyring.currentKey} as is_current from ${from}
    where ${after === null ? sql`true` : sql`${key} > ${after}::uuid`} order by ${key} limit ${batchSize}`)
  for (const row of rows) {
    if (row.sealed === null || row.is_current) continue
    const place = { table, column, id: row.id }
    const again = keyring.seal(keyring.open(row.sealed, place), place)
    await db.execute(sql`update ${from} set ${value} = ${again} where ${key} = ${row.id}::uuid and ${value} = ${row.sealed}`)
  }
  const last = rows.at(-1)
  return rows.length < batchSize || !last ? nextColumn(index) : { column: index, after: last.id }
}

const nextColumn = (index: number): SealedPosition | null => (index + 1 < sealedColumns.length ? { column: index + 1, after: null } : null)
