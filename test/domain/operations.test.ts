import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { openCredentials, sealCredentials } from '../../domain/credentials.ts'
import { endedStatuses, hasEnded, operationStatuses, workflowId } from '../../domain/operations.ts'
import { recommendedVariables } from '../../domain/recommendations.ts'
import { revealed, Secret } from '../../domain/secret.ts'
import { composeProject, environmentVolume, ownershipLabels, replicaAlias, serviceAlias, serviceNetwork, serviceVolume } from '../../domain/services.ts'
import { createKeyring } from '../../drivers/secrets/keyring.ts'

describe('an operation', () => {
  test('has ended in each of its ends, and in no other state', () => {
    expect(operationStatuses.filter(hasEnded)).toEqual([...endedStatuses])
  })

  test('has a workflow whose id is known before it starts', () => {
    expect(workflowId('environment_deploy', '0192')).toBe('environment_deploy/0192')
  })
})

describe('a secret', () => {
  const secret = new Secret('hunter2')

  test('prints as [secret] wherever it is printed', () => {
    const printed = [JSON.stringify({ secret }), inspect({ secret }), String(secret), JSON.stringify(Object.entries(secret))]
    expect(printed).toEqual(['{"secret":"[secret]"}', '{ secret: [secret] }', '[secret]', '[]'])
  })

  test('is told only where it is asked for', () => {
    expect([secret.reveal(), revealed(secret), revealed('no secret')]).toEqual(['hunter2', 'hunter2', 'no secret'])
  })
})

describe('credentials', () => {
  const keyring = createKeyring({ current: 'one', keys: { one: Buffer.alloc(32, 1).toString('base64') } })
  const place = { table: 'service_slices', column: 'credentials', id: '1' }

  test('are sealed under their names and come back as they were', () => {
    const sealed = sealCredentials(keyring, { password: new Secret('a"b\n'), user: new Secret('ü') }, place)
    const opened = openCredentials(keyring, sealed, place)
    expect(Object.entries(opened).map(([name, secret]) => [name, secret.reveal()])).toEqual([['password', 'a"b\n'], ['user', 'ü']])
  })

  test('that were never sealed are none; those of another place do not open', () => {
    expect(openCredentials(keyring, null, place)).toEqual({})
    const sealed = sealCredentials(keyring, { password: new Secret('a') }, place)
    expect(() => openCredentials(keyring, sealed, { ...place, id: '2' })).toThrow()
  })
})

test('what is recommended never changes the queue without the user', () => {
  expect(recommendedVariables('cache')).toEqual({ CACHE_STORE: 'redis', SESSION_DRIVER: 'redis' })
  expect(recommendedVariables('queue')).toEqual({ QUEUE_CONNECTION: 'redis' })
  for (const role of ['database', 'storage', 'gateway', 'custom'] as const) expect(recommendedVariables(role)).toEqual({})
})

describe('names on a server', () => {
  const id = '0192f0c1-0000-7000-8000-000000000001'

  test('are those of the specification, and different for different things', () => {
    expect(serviceVolume(id, 'postgres_data')).toBe(`keystone_service_${id}_postgres_data`)
    expect(environmentVolume(id, 'storage')).toBe(`keystone_environment_${id}_storage`)
    const names = [serviceNetwork(id), serviceAlias(id), replicaAlias(id), composeProject(id), serviceVolume(id, 'a'), environmentVolume(id, 'a')]
    expect(new Set(names).size).toBe(names.length)
  })

  test('say whose they are; a standalone service has no environment', () => {
    const owner = { organisationId: 'o', environmentId: null, serviceId: 's', replicaId: 'r', operationId: 'p' }
    const standalone = { 'keystone.organisation': 'o', 'keystone.service': 's', 'keystone.replica': 'r', 'keystone.operation': 'p' }
    expect(ownershipLabels(owner)).toEqual(standalone)
    expect(ownershipLabels({ ...owner, environmentId: 'e' })).toEqual({ ...standalone, 'keystone.environment': 'e' })
  })
})
