import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Secret } from '../../../domain/secret.ts'
import { resolveImage } from '../../../drivers/services/image.ts'
import { postgres } from '../../../drivers/services/postgres/driver.ts'
import { valkey } from '../../../drivers/services/valkey/driver.ts'
import type { ServiceDriver } from '../../../drivers/services/contract.ts'
import { replica } from './replicas.ts'
import { openServiceServer, type ServiceServer } from './service-server.ts'

let server: ServiceServer
beforeAll(async () => {
  server = await openServiceServer('data')
}, 300_000)
afterAll(() => server?.close())

const admin = { password: new Secret('administrator') }

async function started(driver: ServiceDriver, serviceId: string, containerName: string) {
  const service = driver.configured({})
  if (service.image.from !== 'registry') throw new Error('not pulled')
  const { digest } = (await server.run(resolveImage(service.image.reference))).facts()
  const input = replica({
    ownership: { organisationId: 'org', environmentId: null, serviceId, replicaId: `${serviceId}-1`, operationId: 'op' },
    containerName,
    image: digest,
    memoryLimitMb: 512,
    admin,
  })
  return { service, input, digest, facts: (await server.run(service.startReplica(input))).facts() }
}

describe('Postgres', { timeout: 120_000 }, () => {
  const slices = postgres.slices!
  const shop = slices.configure('shop', [])
  const blog = slices.configure('blog', [shop])
  const password = new Secret('shop-password')
  const target = { sliceId: 'slice', containerName: 'postgres', admin }
  const slice = (config: unknown, activeLogin = 'a') =>
    slices.configured({ config, credentials: { activeLogin: new Secret(activeLogin), password } })

  const psql = (login: string, database: string, sql: string, secret = password) =>
    server.exec(['docker', 'exec', '-e', `PGPASSWORD=${secret.reveal()}`, 'postgres', 'psql', '-XAt', '-h', 'service-pg', '-U', login, '-d', database, '-c', sql])

  it('starts healthy, and a second start leaves the container alone', async () => {
    const { service, input, facts, digest } = await started(postgres, 'pg', 'postgres')
    expect(facts.addresses).toHaveProperty('keystone_service_pg')
    expect((await server.run(service.startReplica(input))).facts()).toEqual(facts)
    expect((await server.run(resolveImage(digest))).facts().imageId).toBe(facts.imageId)
  })

  it('clears away what an interrupted start has left under another name', async () => {
    const { facts } = await started(postgres, 'pg', 'postgres')
    await server.exec(['docker', 'rename', 'postgres', '0123456789ab_postgres'])
    const again = (await started(postgres, 'pg', 'postgres')).facts
    expect(again.containerId).not.toBe(facts.containerId)
    const all = await server.exec(['docker', 'ps', '--all', '--filter', 'label=keystone.service=pg', '--format', '{{.Names}}'])
    expect(all.stdout).toBe('postgres\n')
  })

  it('gives each slice a database whose objects belong to its owner, whichever login makes them', async () => {
    for (const config of [shop, shop, blog]) (await server.run(slice(config).provision(target))).facts()
    expect((await psql('shop_a', 'shop', 'create table one(); select current_user, session_user')).stdout).toBe('CREATE TABLE\nshop|shop_a\n')
    expect((await psql('shop_b', 'shop', 'select 1')).stderr).toContain('password authentication failed')

    ;(await server.run(slice(shop, 'b').provision(target))).facts()
    await psql('shop_b', 'shop', 'create table two(); alter table one add note text')
    expect((await psql('shop_b', 'shop', "select tableowner, count(*) from pg_tables where schemaname = 'public' group by 1")).stdout).toBe('shop|2\n')
    expect((await psql('shop_a', 'shop', 'select 1')).exitCode).not.toBe(0)
  })

  it('keeps slices apart', async () => {
    expect((await psql('blog_a', 'shop', 'select 1')).stderr).toContain('permission denied for database')
    expect((await psql('blog_a', 'blog', 'set role shop')).stderr).toContain('permission denied')
  })

  it('shows the statement that failed, and the server keeps no verifier in its log', async () => {
    const broken = await server.run(slice({ database: 'shop', extensions: ['no_such_extension'] }, 'b').provision(target))
    expect(broken.exitCode).not.toBe(0)
    expect(broken.stderr).toContain('extension "no_such_extension" is not available')
    const { stdout, stderr } = await server.exec(['docker', 'logs', 'postgres'])
    expect(stdout + stderr).not.toMatch(/SCRAM-SHA-256|shop-password/)
  })

  it('removes a slice, also twice', async () => {
    for (let time = 0; time < 2; time += 1) (await server.run(slice(blog).remove(target))).facts()
    expect((await psql('shop_b', 'shop', "select count(*) from pg_roles where rolname like 'blog%'")).stdout).toBe('0\n')
  })

  it('stops and leaves nothing but its volume and network', async () => {
    const { service, input } = await started(postgres, 'pg', 'postgres')
    for (let time = 0; time < 2; time += 1) (await server.run(service.stopReplica(input))).facts()
    expect((await server.exec(['docker', 'ps', '-aq', '--filter', 'label=keystone.service=pg'])).stdout).toBe('')
    expect((await server.exec(['ls', '/home/keystone/services/pg'])).exitCode).not.toBe(0)
    expect((await server.exec(['docker', 'volume', 'inspect', 'keystone_service_pg_postgres_data'])).exitCode).toBe(0)

    await started(postgres, 'pg', 'postgres')
    expect((await psql('shop_b', 'shop', 'select count(*) from one')).stdout).toBe('0\n')
  })
})

describe('Valkey', { timeout: 120_000 }, () => {
  const slices = valkey.slices!
  const shop = slices.configure('shop', [])
  const blog = slices.configure('blog', [shop])
  const target = { sliceId: 'slice', containerName: 'valkey', admin }
  const slice = (config: unknown) => slices.configured({ config, credentials: { password: new Secret('keyspace-password') } })
  const answers = async (user: string, commands: readonly string[]) => {
    const login = ['docker', 'exec', '-i', 'valkey', 'valkey-cli', '--no-auth-warning', '--user', user, '--pass', 'keyspace-password']
    return (await server.exec(login, `${commands.join('\n')}\n`)).stdout.split('\n').filter((line) => line !== '')
  }

  it('starts healthy, and a second start leaves the container alone', async () => {
    const { service, input, facts } = await started(valkey, 'vk', 'valkey')
    expect((await server.run(service.startReplica(input))).facts()).toEqual(facts)
  })

  it('lets a keyspace do what Laravel does within its prefix, and nothing else', async () => {
    for (const config of [shop, shop, blog]) (await server.run(slice(config).provision(target))).facts()
    expect(await answers('shop', ['SELECT 1', 'SET shop:a 1', 'GET shop:a', 'EVAL "return redis.call(\'get\', KEYS[1])" 1 shop:a', 'FLUSHDB', 'GET shop:a'])).toEqual(
      ['OK', 'OK', '1', '1', 'OK'],
    )
    const refused = await answers('shop', ['GET blog:a', 'FLUSHALL', 'KEYS *', 'CONFIG GET *', 'ACL LIST', 'EVAL "return redis.call(\'get\', KEYS[1])" 1 blog:a'])
    expect(refused).toHaveLength(6)
    for (const answer of refused) expect(answer).toMatch(/NOPERM|No permissions|ACL failure/)
  })

  it('knows nobody who does not log in', async () => {
    expect((await server.exec(['docker', 'exec', 'valkey', 'valkey-cli', 'ping'])).stdout).toContain('NOAUTH')
  })

  it('keeps users and data over a restart', async () => {
    expect(await answers('blog', ['SET blog:kept yes'])).toEqual(['OK'])
    await server.exec(['docker', 'restart', 'valkey'])
    await started(valkey, 'vk', 'valkey')
    expect(await answers('blog', ['GET blog:kept'])).toEqual(['yes'])
  })

  it('fails when Valkey refuses a command', async () => {
    const outcome = await server.run(slice(shop).provision({ ...target, admin: { password: new Secret('wrong') } }))
    expect(outcome.exitCode).toBe(1)
    expect(outcome.stderr).toContain('Valkey refused a command')
  })

  it('removes a keyspace with its data, also twice', async () => {
    for (let time = 0; time < 2; time += 1) (await server.run(slice(blog).remove(target))).facts()
    expect(await answers('blog', ['PING'])).not.toContain('PONG')
  })
})
