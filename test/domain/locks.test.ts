import { describe, expect, test } from 'vitest'
import { deployLocks, rebootLocks, rotationLocks, serverLocks, serviceLocks, sliceLocks, updateLocks } from '../../domain/locks.ts'
import { conflicts, type Lock } from '../../domain/operations.ts'

const shop = deployLocks({ environmentId: 'shop', serverIds: ['one'], usedServiceIds: ['data'] })
const blog = deployLocks({ environmentId: 'blog', serverIds: ['one'], usedServiceIds: ['data'] })
const data = serviceLocks({ id: 'data', serverIds: ['one'] })
const slice = (id: string, ...environmentIds: string[]) => sliceLocks({ id, serviceId: 'data', environmentIds, serverIds: ['one'] })
const update = updateLocks({ id: 'data', serverIds: ['one'], environmentIds: ['shop'] })

const reboot = (serverId: string, ...environmentIds: string[]) => rebootLocks({ serverId, environmentIds, gatewayServerIds: ['one', 'gate'] })

const rotation = rotationLocks({ id: 's', serviceId: 'data', serverIds: ['one'], environments: [...shop, ...blog] })

describe('locks', () => {
  test('name their key by type and id, so that a server is not a service of the same id', () => {
    expect(serverLocks('one')).toEqual([{ key: 'server/one', mode: 'exclusive' }])
    expect(conflicts(serverLocks('one'), serviceLocks({ id: 'one', serverIds: [] }))).toBe(false)
  })

  test.each<[string, Lock[], Lock[], boolean]>([
    ['two deploys of one environment exclude each other', shop, shop, true],
    ['deploys of two environments on one server with one database do not', shop, blog, false],
    ['a deploy and its server', shop, serverLocks('one'), true],
    ['a deploy and another server do not', shop, serverLocks('two'), false],
    ['a deploy and the deploy of its database', shop, data, true],
    ['a slice and the deploy of its environment', slice('s', 'shop'), shop, true],
    ['a slice that nobody uses and a deploy do not', slice('s'), shop, false],
    ['two slices of one service do not', slice('s'), slice('t'), false],
    ['two works on one slice', slice('s'), slice('s'), true],
    ['a slice and the deploy of its service', slice('s'), data, true],
    ['a slice and its server', slice('s'), serverLocks('one'), true],
    ['a slice and the deploys of all environments that share it', slice('s', 'blog', 'shop'), shop, true],
    ['an update and the deploy of an environment that uses the service', update, shop, true],
    ['an update and a slice of the service', update, slice('s'), true],
    ['a rotation and a deploy of an environment that is attached', rotation, blog, true],
    ['a rotation and another work on its slice', rotation, slice('s'), true],
    ['a rotation and another slice of its service do not', rotation, slice('t'), false],
    ['a reboot and the deploy of what is on its server', reboot('two', 'shop'), shop, true],
    ['the reboots of two servers of one environment', reboot('two', 'shop'), reboot('three', 'shop'), true],
    ['the reboots of two servers that share no environment do not', reboot('two', 'shop'), reboot('three', 'blog'), false],
    ['a reboot and that of a server with its gateway', reboot('two', 'shop'), reboot('gate', 'blog'), true],
    ['what holds nothing and anything do not', [], shop, false],
  ])('%s', (_, one, other, expected) => {
    expect([conflicts(one, other), conflicts(other, one)]).toEqual([expected, expected])
  })

  test('name a key once each, since the database refuses another', () => {
    for (const locks of [shop, data, update, slice('s', 'shop'), rotation]) expect(new Set(locks.map(({ key }) => key)).size).toBe(locks.length)
  })
})
