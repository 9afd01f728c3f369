import { expect, test } from 'vitest'
import { nearestEndpoint, type Placed } from '../../domain/endpoints.ts'

const provider: Placed = {
  ...{ serverId: 'one', privateAddress: '10.0.0.1', privateNetwork: 'eu', publicAddress: '198.51.100.1' },
  ...{ alias: 'service-data', containerPort: 5432, hostPort: 20_001, allowPublic: false },
}

test.each([
  ['by its alias on the same server', 'one', provider, { host: 'service-data', port: 5432 }],
  ['by its alias on the same server also where it has no private address', 'one', { ...provider, privateAddress: null, privateNetwork: null, hostPort: null }, { host: 'service-data', port: 5432 }],
  ['by private address and assigned port from another server', 'two', provider, { host: '10.0.0.1', port: 20_001 }],
  ['not at all from another server without a private address', 'two', { ...provider, privateAddress: null, privateNetwork: null }, null],
  ['not at all from a server of another private network', 'two', { ...provider, privateNetwork: 'us' }, null],
  ['by public address where that is allowed, and there is no nearer way', 'two', { ...provider, privateNetwork: 'us', allowPublic: true }, { host: '198.51.100.1', port: 20_001 }],
  ['by private address also where a public one is allowed', 'two', { ...provider, allowPublic: true }, { host: '10.0.0.1', port: 20_001 }],
  ['not at all by a public address that is not known', 'two', { ...provider, privateNetwork: 'us', allowPublic: true, publicAddress: null }, null],
  ['not at all from another server without a published port', 'two', { ...provider, hostPort: null }, null],
])('a service is reached %s', (_, serverId, placed, expected) => {
  expect(nearestEndpoint({ serverId, privateAddress: '10.0.0.9', privateNetwork: 'eu', publicAddress: '198.51.100.9' }, placed)).toEqual(expected)
})

test('servers without a private network do not share one', () => {
  const alone = { serverId: 'two', privateAddress: null, privateNetwork: null, publicAddress: null }
  expect(nearestEndpoint(alone, { ...provider, privateAddress: null, privateNetwork: null })).toBeNull()
})
