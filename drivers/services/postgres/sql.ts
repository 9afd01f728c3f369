import type { Secret } from '../../../domain/secret.ts'

/** SQL of a database slice, for psql: every statement may be run again over whatever is there already. */
export interface DatabaseSlice {
  database: string
  extensions: readonly string[]
  connectionLimit: number | null
}

export interface ActiveLogin {
  activeLogin: 'a' | 'b'
  /** SCRAM verifier, never a password. */
  verifier: string
}

const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** The two logins of a database are used in turn, so that a password can be changed without an outage (design section 9). */
export const loginName = (database: string, login: 'a' | 'b'): string => `${database}_${login}`

export function provisionSql({ database, extensions, connectionLimit }: DatabaseSlice, { activeLogin, verifier }: ActiveLogin): string {
  const idleLogin = activeLogin === 'a' ? 'b' : 'a'
  const active = loginName(database, activeLogin)
  const idle = loginName(database, idleLogin)
  return [
    quietly,
    ...[database, active, idle].map(createRole),
    `alter role ${identifier(database)} nologin;`,
    ...[active, idle].map((login) => `grant ${identifier(database)} to ${identifier(login)};`),
    ...[active, idle].map((login) => `alter role ${identifier(login)} set role to ${identifier(database)};`),
    `alter role ${identifier(active)} login password ${literal(verifier)} connection limit ${connectionLimit ?? -1};`,
    `alter role ${identifier(idle)} nologin;`,
    `select format('create database %I owner %I', ${literal(database)}, ${literal(database)})`,
    `  where not exists (select from pg_database where datname = ${literal(database)}) \\gexec`,
    `alter database ${identifier(database)} owner to ${identifier(database)};`,
    `revoke all on database ${identifier(database)} from public;`,
    ...(extensions.length > 0 ? [`\\connect ${identifier(database)}`, quietly] : []),
    ...extensions.map((extension) => `create extension if not exists ${identifier(extension)};`),
    '',
  ].join('\n')
}

/** All of it or nothing: one transaction in the slice's own database. An extension that something depends on is not dropped. */
export function configureSql(before: DatabaseSlice, { database, extensions, connectionLimit }: DatabaseSlice, activeLogin: 'a' | 'b'): string {
  const dropped = before.extensions.filter((extension) => !extensions.includes(extension))
  return [
    `\\connect ${identifier(database)}`,
    quietly,
    'begin;',
    `alter role ${identifier(loginName(database, activeLogin))} connection limit ${connectionLimit ?? -1};`,
    ...extensions.map((extension) => `create extension if not exists ${identifier(extension)};`),
    ...dropped.map((extension) => `drop extension if exists ${identifier(extension)} restrict;`),
    'commit;',
    '',
  ].join('\n')
}

/**
 * The idle login gets a password, and proves it where the server asks for one: at the container's own address, for it trusts the
 * loopback. The password must need no quotes.
 */
export function admitSql(
  { database, connectionLimit }: DatabaseSlice,
  { activeLogin, verifier, password }: ActiveLogin & { password: Secret },
): string {
  const login = loginName(database, activeLogin)
  return [
    quietly,
    `alter role ${identifier(login)} login password ${literal(verifier)} connection limit ${connectionLimit ?? -1};`,
    '\\set host `hostname`',
    `\\connect 'dbname=${database} user=${login} password=${password.reveal()} host=':host`,
    '',
  ].join('\n')
}

/** Half a minute for connections to go by themselves, then nobody is let in any more, then those that are left are ended and counted. */
export function retireSql(database: string, { activeLogin }: Pick<ActiveLogin, 'activeLogin'>): string {
  const login = loginName(database, activeLogin)
  return [
    quietly,
    'do $wait$ begin',
    '  for attempt in 1..60 loop',
    '    perform pg_stat_clear_snapshot();',
    `    exit when not exists (select from pg_stat_activity where usename = ${literal(login)});`,
    '    perform pg_sleep(0.5);',
    '  end loop;',
    'end $wait$;',
    `alter role ${identifier(login)} nologin password null;`,
    `select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = ${literal(login)};`,
    '',
  ].join('\n')
}

export function removeSql(database: string): string {
  const roles = [loginName(database, 'a'), loginName(database, 'b'), database]
  return [
    `drop database if exists ${identifier(database)} with (force);`,
    ...roles.map((role) => `drop role if exists ${identifier(role)};`),
    '',
  ].join('\n')
}

/** A failing statement would otherwise be written to the server's log, verifier and all; notices say what was there already. */
const quietly = 'set log_min_error_statement = panic; set client_min_messages = warning;'

const createRole = (role: string): string =>
  `select format('create role %I nologin', ${literal(role)}) where not exists (select from pg_roles where rolname = ${literal(role)}) \\gexec`
