import { createHash, createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { Secret } from '../../../domain/secret.ts'
import { postgres } from '../../../drivers/services/postgres/driver.ts'
import { scramVerifier } from '../../../drivers/services/postgres/scram.ts'
import { databases } from '../../../drivers/services/postgres/slices.ts'
import { configureSql, provisionSql, removeSql, retireSql } from '../../../drivers/services/postgres/sql.ts'
import { replica } from './replicas.ts'

const hmac = (key: Buffer, text: string) => createHmac('sha256', key).update(text).digest()

describe('scramVerifier', () => {
  it('agrees with the exchange in RFC 7677, section 3', () => {
    const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0'
    const salt = 'W22ZaJ0SNY7soEsUEjb6gQ=='
    const authMessage = `n=user,r=rOprNGfwEbeRWgbNEkqO,r=${nonce},s=${salt},i=4096,c=biws,r=${nonce}`
    const verifier = scramVerifier(new Secret('pencil'), Buffer.from(salt, 'base64'), 4096)
    const [, storedKey = '', serverKey = ''] = /^SCRAM-SHA-256\$4096:W22ZaJ0SNY7soEsUEjb6gQ==\$(.+):(.+)$/.exec(verifier) ?? []

    expect(hmac(Buffer.from(serverKey, 'base64'), authMessage).toString('base64')).toBe('6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')
    const proof = Buffer.from('dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=', 'base64')
    const signature = hmac(Buffer.from(storedKey, 'base64'), authMessage)
    const clientKey = proof.map((byte, index) => byte ^ signature[index]!)
    expect(createHash('sha256').update(clientKey).digest('base64')).toBe(storedKey)
  })
})

describe('database slices', () => {
  it('provision an owner without login, two logins acting as it, and a database of its own', () => {
    const slice = { database: 'shop', extensions: ['citext'], connectionLimit: 40 }
    expect(provisionSql(slice, { activeLogin: 'b', verifier: 'SCRAM-SHA-256$4096:s$k:v' })).toBe(`set log_min_error_statement = panic; set client_min_messages = warning;
select format('create role %I nologin', 'shop') where not exists (select from pg_roles where rolname = 'shop') \\gexec
select format('create role %I nologin', 'shop_b') where not exists (select from pg_roles where rolname = 'shop_b') \\gexec
select format('create role %I nologin', 'shop_a') where not exists (select from pg_roles where rolname = 'shop_a') \\gexec
alter role "shop" nologin;
grant "shop" to "shop_b";
grant "shop" to "shop_a";
alter role "shop_b" set role to "shop";
alter role "shop_a" set role to "shop";
alter role "shop_b" login password 'SCRAM-SHA-256$4096:s$k:v' connection limit 40;
alter role "shop_a" nologin;
select format('create database %I owner %I', 'shop', 'shop')
  where not exists (select from pg_database where datname = 'shop') \\gexec
alter database "shop" owner to "shop";
revoke all on database "shop" from public;
\\connect "shop"
set log_min_error_statement = panic; set client_min_messages = warning;
create extension if not exists "citext";
`)
  })

  it('are changed whole or not at all, and an extension that something needs is not dropped', () => {
    const before = { database: 'shop', extensions: ['citext', 'hstore'], connectionLimit: 40 }
    const after = { database: 'shop', extensions: ['hstore', 'uuid-ossp'], connectionLimit: null }
    expect(configureSql(before, after, 'b')).toBe(`\\connect "shop"
set log_min_error_statement = panic; set client_min_messages = warning;
begin;
alter role "shop_b" connection limit -1;
create extension if not exists "hstore";
create extension if not exists "uuid-ossp";
drop extension if exists "citext" restrict;
commit;
`)
  })

  it('are removed with their roles', () => {
    expect(removeSql('a"b')).toBe(
      'drop database if exists "a""b" with (force);\ndrop role if exists "a""b_a";\ndrop role if exists "a""b_b";\ndrop role if exists "a""b";\n',
    )
  })

  it('let in the other login, which proves its password where one is asked for', () => {
    const password = new Secret('next-password')
    const slice = databases.configured({ config: { database: 'shop', connectionLimit: 40 }, credentials: { activeLogin: new Secret('a'), password: new Secret('present') } })
    const { secrets, inputs } = slice.admit({ sliceId: 'slice', containerName: 'main', admin: {} }, { activeLogin: new Secret('b'), password })
    expect(inputs).toEqual({ CONTAINER: 'main' })
    const [, ...statements] = secrets.sql!.reveal().split('\n')
    expect(statements).toEqual([
      expect.stringMatching(/^alter role "shop_b" login password 'SCRAM-SHA-256\$4096:[^']+' connection limit 40;$/),
      '\\set host `hostname`',
      "\\connect 'dbname=shop user=shop_b password=next-password host=':host",
      '',
    ])
  })

  it('use their two logins in turn, with a new password each time', () => {
    const next = databases.nextCredentials({ activeLogin: new Secret('a'), password: new Secret('x') })
    expect([next.activeLogin?.reveal(), next.password?.reveal().length]).toEqual(['b', 32])
    expect(databases.nextCredentials(next).activeLogin?.reveal()).toBe('a')
  })

  it('retire a login when its connections have gone, and end and count those that have not', () => {
    expect(retireSql('shop', { activeLogin: 'a' })).toBe(`set log_min_error_statement = panic; set client_min_messages = warning;
do $wait$ begin
  for attempt in 1..60 loop
    perform pg_stat_clear_snapshot();
    exit when not exists (select from pg_stat_activity where usename = 'shop_a');
    perform pg_sleep(0.5);
  end loop;
end $wait$;
alter role "shop_a" nologin password null;
select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = 'shop_a';
`)
    const slice = databases.configured({ config: { database: 'shop' }, credentials: { activeLogin: new Secret('b'), password: new Secret('x') } })
    const step = slice.retire({ sliceId: 'slice', containerName: 'main', admin: {} }, { activeLogin: new Secret('a'), password: new Secret('y') })
    expect(step.parse('     2\n\n')).toEqual({ ended: 2 })
    expect(() => step.parse('no number')).toThrow()
  })

  it('are named after the wish, and numbered where it is taken', () => {
    const first = databases.configure('Shop Production!', [])
    expect(first).toEqual({ database: 'shop_production', extensions: [], connectionLimit: null })
    expect(databases.configure('shop-production', [first])).toMatchObject({ database: 'shop_production_2' })
    expect(databases.configure('postgres', [])).toMatchObject({ database: 'postgres_2' })
    expect(databases.configure('ü', [])).toMatchObject({ database: 'app' })
    expect(databases.configure('x'.repeat(100), [])).toMatchObject({ database: 'x'.repeat(61) })
  })

  it('export the variables that Laravel reads, with a prefix where asked', () => {
    const password = new Secret('password')
    const slice = databases.configured({ config: { database: 'shop' }, credentials: { activeLogin: new Secret('a'), password } })
    expect(slice.exports({ endpoint: { host: 'service-1', port: 5432 }, prefix: null })).toEqual({
      DB_CONNECTION: 'pgsql',
      DB_HOST: 'service-1',
      DB_PORT: '5432',
      DB_DATABASE: 'shop',
      DB_USERNAME: 'shop_a',
      DB_PASSWORD: password,
    })
    expect(slice.exports({ endpoint: { host: 'h', port: 1 }, prefix: 'ANALYTICS_' })).toHaveProperty('ANALYTICS_DB_HOST', 'h')
  })

  it('hand the verifier over as a secret and never the password', () => {
    const password = new Secret('the-password')
    const slice = databases.configured({ config: { database: 'shop' }, credentials: { activeLogin: new Secret('a'), password } })
    const step = slice.provision({ sliceId: 'slice', containerName: 'main', admin: {} })
    expect(step.inputs).toEqual({ CONTAINER: 'main' })
    expect(step.secrets.sql!.reveal()).toContain('SCRAM-SHA-256$4096:')
    expect(step.secrets.sql!.reveal()).not.toContain('the-password')
  })
})

describe('the Postgres driver', () => {
  it('starts in a project of the service, so that a new replica replaces the container', () => {
    const step = postgres.configured({}).startReplica(replica({ admin: { password: new Secret('super') }, networks: ['keystone_gateway'] }))
    expect(step.inputs).toMatchObject({
      PROJECT: 'keystone-svc',
      FOLDER: '/home/keystone/services/svc',
      SERVICE: 'service-svc',
      NETWORKS: 'keystone_service_svc\nkeystone_gateway',
      VOLUMES: 'keystone_service_svc_postgres_data',
      VOLUME_LABELS: 'keystone.organisation=org\nkeystone.service=svc',
    })
    expect(step.files.map(({ path, mode }) => [path, mode])).toEqual([
      ['/home/keystone/services/svc/compose.yml', 0o600],
      ['/home/keystone/services/svc/.env', 0o600],
    ])
  })

  it('reads back what Docker runs', () => {
    const step = postgres.configured({}).startReplica(replica({ admin: { password: new Secret('super') } }))
    const containerId = 'c'.repeat(64)
    const report = { containerId, imageId: 'sha256:i', networks: { n: { IPAddress: '172.18.0.2', Gateway: 'x' } } }
    const facts = { containerId, imageId: 'sha256:i', addresses: { n: '172.18.0.2' }, lowDiskMb: null }
    const unlimited = { ...facts, limits: { cpuLimit: null, memoryLimitMb: null } }
    expect(step.parse(JSON.stringify({ ...report, nanoCpus: 0, memoryBytes: 0 }))).toEqual(unlimited)
    expect(step.parse(JSON.stringify(report))).toEqual(unlimited)
    const limited = { ...report, nanoCpus: 1_500_000_000, memoryBytes: 512 * 2 ** 20 }
    expect(step.parse(JSON.stringify(limited))).toEqual({ ...facts, limits: { cpuLimit: 1.5, memoryLimitMb: 512 } })
    expect(() => step.parse('')).toThrow()
  })
})
