import { createHash, randomBytes } from 'node:crypto'
import { v5, v7 } from 'uuid'

/** A new id (RFC 9562, version 7). Rows with sealed columns need theirs before they are inserted, since it is authenticated. */
export const newId = <Id extends string>(): Id => v7() as Id

/** The id of a child operation, the same whenever it is derived: from its parent, kind and target (RFC 9562, version 5). */
export const childId = <Id extends string>(parent: string, ...parts: readonly string[]): Id => v5(parts.join('/'), parent) as Id

/** 12 random hex characters: short enough for unit and folder names on servers. */
export const newHash = (): string => randomBytes(6).toString('hex')

/** The hash of a derived child operation, as stable as its id. */
export const derivedHash = (id: string): string => createHash('sha256').update(id).digest('hex').slice(0, 12)

/** The id in a column that refers to rows of several tables, branded by what its type column says. */
export const idOf = <Id extends string>(text: string): Id => text as Id
