import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { Secret } from '../../../domain/secret.ts'
import { valkey } from '../../../drivers/services/valkey/driver.ts'
import { keyspaces } from '../../../drivers/services/valkey/slices.ts'
import { replica } from './replicas.ts'

const passwordHash = '5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8' // sha256 of "password"
const password = new Secret('password')

describe('keyspaces', () => {
  it('get two logical databases that nobody else has, and never number 0', () => {
    const first = keyspaces.configure('shop', [])
    expect(first).toEqual({ user: 'shop', prefix: 'shop:', database: 1, cacheDatabase: 2 })
    expect(keyspaces.configure('shop', [first])).toEqual({ user: 'shop_2', prefix: 'shop_2:', database: 3, cacheDatabase: 4 })
    expect(keyspaces.configure('admin', [first])).toMatchObject({ user: 'admin_2' })
  })

  it('are refused when no two databases are left', () => {
    const taken = Array.from({ length: 255 }, (_, index) => ({ user: `u${index}`, prefix: `u${index}:`, database: index * 2 + 1, cacheDatabase: index * 2 + 2 }))
    expect(() => keyspaces.configure('shop', taken)).toThrow('no two logical databases left')
  })

  const slice = keyspaces.configured({ config: keyspaces.configure('shop', []), credentials: { password } })
  const target = { sliceId: 'slice', containerName: 'main', admin: { password: new Secret('admin-pw') } }

  it('are made by commands that come by stdin', () => {
    const step = slice.provision(target)
    expect(step.inputs).toEqual({ CONTAINER: 'main' })
    expect(step.secrets.commands!.reveal()).toBe(
      `AUTH admin admin-pw\nACL SETUSER shop reset on #${passwordHash} ~shop:* &shop:* +@all -@admin -@dangerous +flushdb +info\nACL SAVE\n`,
    )
  })

  it('are opened by two passwords for a while, and then by the present one alone', () => {
    const next = { password: new Secret('next') }
    const nextHash = createHash('sha256').update('next').digest('hex')
    expect(slice.admit(target, next).secrets.commands!.reveal()).toBe(
      `AUTH admin admin-pw\nACL SETUSER shop resetpass #${passwordHash} #${nextHash}\nACL SAVE\nAUTH shop next\n`,
    )
    const retirement = slice.retire(target, next)
    expect(retirement.secrets.commands!.reveal()).toBe(`AUTH admin admin-pw\nACL SETUSER shop resetpass #${passwordHash}\nACL SAVE\n`)
    expect(retirement.parse('')).toEqual({ ended: 0 })
    expect(keyspaces.nextCredentials({ password }).password?.reveal()).toHaveLength(32)
  })

  it('are removed with their data', () => {
    expect(slice.remove(target).secrets.commands!.reveal()).toBe(
      'AUTH admin admin-pw\nACL DELUSER shop\nACL SAVE\nSELECT 1\nFLUSHDB\nSELECT 2\nFLUSHDB\n',
    )
  })

  it('export the variables that Laravel reads', () => {
    expect(slice.exports({ endpoint: { host: 'service-1', port: 6379 }, prefix: null })).toEqual({
      REDIS_CLIENT: 'phpredis',
      REDIS_HOST: 'service-1',
      REDIS_PORT: '6379',
      REDIS_USERNAME: 'shop',
      REDIS_PASSWORD: password,
      REDIS_PREFIX: 'shop:',
      REDIS_DB: '1',
      REDIS_CACHE_DB: '2',
      HORIZON_PREFIX: 'shop:horizon:',
    })
  })
})

describe('the Valkey driver', () => {
  it('starts with an ACL file that knows the administrator by hash only', () => {
    const step = valkey.configured({ maxMemoryMb: 64 }).startReplica(replica({ admin: { password } }))
    const acl = step.files.find(({ path }) => path.endsWith('/acl/users.acl'))
    expect(acl).toMatchObject({ path: '/home/keystone/services/svc/acl/users.acl', mode: 0o600 })
    expect((acl!.content as Secret).reveal()).toBe(
      `user default off resetpass resetkeys resetchannels -@all\nuser admin on #${passwordHash} ~* &* +@all\nuser health on nopass resetkeys resetchannels -@all +ping\n`,
    )
    expect(step.files[0]?.content).toContain('- "64mb"')
  })

  const options = (config: object) => {
    const text = valkey.configured(config).startReplica(replica({ admin: { password } })).files[0]?.content as string
    return (parse(text) as { services: Record<string, { command: string[] }> }).services['service-svc']!.command.slice(3)
  }
  const always = ['valkey-server', '--aclfile', '/data/users.acl', '--databases', '512']

  it('keeps every write, and nothing is evicted, unless its user wants it otherwise', () => {
    expect(options({})).toEqual([...always, '--appendonly', 'yes'])
    expect(options({ maxMemoryMb: 64, evictionPolicy: 'allkeys-lru' })).toEqual([...always, '--appendonly', 'yes', '--maxmemory', '64mb', '--maxmemory-policy', 'allkeys-lru'])
  })

  it('without persistence begins empty, and leaves what was kept before alone', () => {
    expect(options({ persistence: 'none' })).toEqual([...always, '--appendonly', 'no', '--save', '', '--dbfilename', 'nothing.rdb'])
  })

  it.each([{ evictionPolicy: 'lru' }, { persistence: 'snapshots' }, { maxMemoryMb: 0 }])('does not take %j', (config) => {
    expect(valkey.configSchema.safeParse(config).success).toBe(false)
  })
})
