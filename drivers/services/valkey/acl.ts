import { createHash } from 'node:crypto'
import type { Secret } from '../../../domain/secret.ts'

const passwordHash = (password: Secret): string => `#${createHash('sha256').update(password.reveal()).digest('hex')}`

/** The ACL file of a new service: nobody without a name, an administrator, and a user for the health check that can only ping. */
export function initialAcl(adminPassword: Secret): string {
  return [
    'user default off resetpass resetkeys resetchannels -@all',
    `user admin on ${passwordHash(adminPassword)} ~* &* +@all`,
    'user health on nopass resetkeys resetchannels -@all +ping',
    '',
  ].join('\n')
}

export interface Keyspace {
  user: string
  prefix: string
  database: number
  cacheDatabase: number
}

/**
 * One keyspace's user: its prefix for keys and channels; no dangerous commands but `flushdb` (Laravel's cache:clear) and
 * `info` (Horizon). It guards against accidents: any user may SELECT any logical database before Valkey 9.1.
 */
export function provisionCommands({ user, prefix }: Keyspace, password: Secret): string[] {
  const rules = ['reset', 'on', passwordHash(password), `~${prefix}*`, `&${prefix}*`, '+@all', '-@admin', '-@dangerous', '+flushdb', '+info']
  return [`ACL SETUSER ${user} ${rules.join(' ')}`, 'ACL SAVE']
}

/** The user gets in by either password; the last command proves the next one. */
export const admitCommands = ({ user }: Keyspace, present: Secret, next: Secret): string[] => [
  `ACL SETUSER ${user} resetpass ${passwordHash(present)} ${passwordHash(next)}`,
  'ACL SAVE',
  `AUTH ${user} ${next.reveal()}`,
]

/** The user gets in by this password alone; connections that were let in before stay. */
export const onlyPasswordCommands = ({ user }: Keyspace, present: Secret): string[] => [
  `ACL SETUSER ${user} resetpass ${passwordHash(present)}`,
  'ACL SAVE',
]

export function removeCommands({ user, database, cacheDatabase }: Keyspace): string[] {
  return [`ACL DELUSER ${user}`, 'ACL SAVE', ...[database, cacheDatabase].flatMap((number) => [`SELECT ${number}`, 'FLUSHDB'])]
}
