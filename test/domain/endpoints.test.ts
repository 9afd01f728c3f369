import { expect, test } from 'vitest'
import { nearestEndpoint, type Placed } from '../../domain/endpoints.ts'

const provider: Placed = {
  ...{ serverId: 'one', privateAddress: '10.0.0.1', privateNetwork: 'eu' },
  ...{ alias: 'service-data', containerPort: 5432, hostPort: 20_001 },
}

test.each([
  ['by its alias on the same server', 'one', provider, { host: 'service-data', port: 5432 }],
  ['by its alias on the same server also where it has no private address', 'one', { ...provider, privateAddress: null, privateNetwork: null, hostPort: null }, { host: 'service-data', port: 5432 }],
  ['by private address and assigned port from another server', 'two', provider, { host: '10.0.0.1', port: 20_001 }],
  ['not at all from another server without a private address', 'two', { ...provider, privateAddress: null, privateNetwork: null }, null],
  ['not at all from a server of another private network', 'two', { ...provider, privateNetwork: 'us' }, null],
  ['not at all from another server without a published port', 'two', { ...provider, hostPort: null }, null],
])('a service is reached %s', (_, serverId, placed, expected) => {
  expect(nearestEndpoint({ serverId, privateAddress: '10.0.0.9', privateNetwork: 'eu' }, placed)).toEqual(expected)
})

test('servers without a private network do not share one', () => {
  const alone = { serverId: 'two', privateAddress: null, privateNetwork: null }
  expect(nearestEndpoint(alone, { ...provider, privateAddress: null, privateNetwork: null })).toBeNull()
})
