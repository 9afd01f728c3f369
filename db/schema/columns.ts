import { check, foreignKey, text, timestamp, uuid, type AnyPgColumn } from 'drizzle-orm/pg-core'
import { sql } from 'drizzle-orm'

/** Primary key: uuid v7 (RFC 9562), so that ids sort by time and pages can be cut by id. */
export const id = <Id extends string>() => uuid('id').$type<Id>().primaryKey().default(sql`uuidv7()`)

export const moment = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' })

export const timestamps = {
  createdAt: moment('created_at').notNull().defaultNow(),
  updatedAt: moment('updated_at').notNull().defaultNow().$onUpdate(() => new Date()),
}

/** Ciphertext of the keyring (`domain/keyring.ts`); never holds plaintext. */
export const sealed = (name: string) => text(name)

/** The database itself refuses a value outside the union that the code knows. */
export const oneOf = (name: string, column: AnyPgColumn, values: readonly string[]) =>
  check(name, sql`${column} in (${sql.raw(values.map((value) => `'${value}'`).join(', '))})`)

/** RFC 1123 label: what may become part of a container name. */
export const label = (name: string, column: AnyPgColumn) => check(name, sql`${column} ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'`)

export type Reference = [owner: AnyPgColumn, id: AnyPgColumn]

/** A foreign key that takes the owner along: what is named belongs to the same organisation, environment or service. */
export const ofSameOwner = (name: string, columns: Reference, named: () => Reference) =>
  foreignKey({ name: `${name}_fk`, columns, foreignColumns: named() })
