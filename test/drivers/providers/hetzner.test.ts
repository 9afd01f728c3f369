import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { idOf } from '../../../db/ids.ts'
import type { OrganisationId } from '../../../domain/ids.ts'
import { Secret } from '../../../domain/secret.ts'
import type { MachineWish, Provider } from '../../../drivers/providers/contract.ts'
import { ProviderError } from '../../../drivers/providers/errors.ts'
import { createHetzner } from '../../../drivers/providers/hetzner/driver.ts'
import { errorOf } from '../../../drivers/providers/hetzner/errors.ts'
import { generateDeployKey } from '../../../drivers/sources/deploy-key.ts'
import { type FakeHetzner, type Fault, openFakeHetzner, type Refused } from '../../lab/hetzner/fake.ts'
import { freePort } from '../../setup/free-port.ts'
import { wishFor } from './wish.ts'

let fake: FakeHetzner
let provider: Provider
const access = () => ({ token: new Secret(fake.token) })
const organisationId = idOf<OrganisationId>('0198c0de-0000-7000-8000-0000000000aa')
const wish = wishFor({ organisationId })

beforeEach(async () => {
  fake = await openFakeHetzner()
  provider = createHetzner({ endpoint: fake.endpoint, timeoutSeconds: 1, pollMilliseconds: 5, longestSeconds: 5 })
})
afterEach(() => fake.close())

const rejection = (work: Promise<unknown>): Promise<ProviderError> =>
  work.then(
    () => expect.fail('was fine'),
    (error: unknown) => error as ProviderError,
  )

describe('a token', () => {
  it('is verified without leaving anything behind', async () => {
    await provider.verify(access())
    expect(fake.asked).toEqual(['POST /ssh_keys'])
    expect(fake.project.keys).toEqual([])
  })

  it.each([
    ['nobody knows', 'no-token', { code: 'authentication_failed', field: 'token', retryable: false }],
    ['that only reads', 'a-token-that-only-reads', { code: 'token_read_only', field: 'token', message: expect.stringContaining('Read & Write') }],
  ])('%s is told apart, and never said', async (_, token, expected) => {
    const error = await rejection(provider.verify({ token: new Secret(token) }))
    expect(error).toMatchObject({ name: 'ProviderError', ...expected })
    expect(error.message + String(error.stack)).not.toContain(token)
  })
})

describe('the catalogue', () => {
  it('has what can be bought: places, types with their prices there, and images that Keystone knows', async () => {
    const { currency, locations, types, images } = await provider.catalogue(access())
    expect([currency, locations.map(({ name, zone }) => `${name} ${zone}`)]).toEqual(['EUR', ['fsn1 eu-central', 'nbg1 eu-central', 'hel1 eu-central', 'ash us-east']])
    expect(types.map(({ name, architecture }) => `${name} ${architecture}`)).toEqual(['cx22 amd64', 'cax11 arm64', 'ccx13 amd64'])
    expect(types[0]).toMatchObject({ cpus: 2, memoryMb: 4096, diskGb: 40, cpuSharing: 'shared' })
    expect(types[0]?.offers).toEqual(
      [['fsn1', true], ['nbg1', true], ['hel1', false]].map(([location, isAvailable]) => ({
        ...{ location, isAvailable },
        ...{ hourly: { net: '0.006064', gross: '0.00721616' }, monthly: { net: '3.79', gross: '4.5101' } },
      })),
    )
    expect(images).toEqual([
      { name: 'debian-13', description: 'Debian 13', architectures: ['amd64', 'arm64'] },
      { name: 'debian-12', description: 'Debian 12', architectures: ['amd64', 'arm64'] },
      { name: 'ubuntu-24.04', description: 'Ubuntu 24.04', architectures: ['amd64', 'arm64'] },
    ])
  })
})

describe('a machine', () => {
  it('is made with its key, its network and labels, and waited for until all its actions have ended', async () => {
    fake.actionMilliseconds = 30
    const machine = await provider.provide(access(), wish)
    const { servers: [server], keys: [key], networks: [network], actions } = fake.project
    expect(server).toMatchObject({ name: 'web-1-0000000000bb', status: 'running', type: { name: 'cx22' }, image: { name: 'debian-12' }, location: { name: 'fsn1' } })
    expect(server?.labels).toEqual({ 'keystone-organisation': organisationId, 'keystone-server': wish.serverId })
    expect(key).toMatchObject({ public_key: wish.loginKey, labels: server?.labels })
    expect(network).toMatchObject({ labels: { 'keystone-organisation': organisationId, 'keystone-network': 'inside' }, subnets: [{ network_zone: 'eu-central' }] })
    expect(machine).toEqual({ id: `${server?.id}`, address: server?.address, privateAddress: server?.attached[0]?.ip })
    expect(actions.all.map(({ command, status }) => `${command} ${status}`)).toEqual(['create_server success', 'attach_to_network success', 'start_server success'])
  })

  it('is in no network where none is wished', async () => {
    expect(await provider.provide(access(), { ...wish, network: null })).toMatchObject({ privateAddress: null })
    expect(fake.project.networks).toEqual([])
  })

  it('shares the network of its organisation with others, and one of another zone is refused before anything is bought', async () => {
    await Promise.all([provider.provide(access(), wish), provider.provide(access(), wishFor({ organisationId, serverId: 'cc' }))])
    expect([fake.project.servers.length, fake.project.networks.length]).toEqual([2, 1])
    const far = wishFor({ organisationId, serverId: 'dd', location: 'ash', type: 'ccx13' })
    expect(await rejection(provider.provide(access(), far))).toMatchObject({ code: 'network_elsewhere', field: 'privateNetwork', retryable: false })
    expect(fake.project.bought).toHaveLength(2)
  })

  it('that could not be made is removed, and another try makes it', async () => {
    for (const failing of ['create_server', 'attach_to_network', 'start_server'] as const) {
      fake.fault = ({ route }) => (route === 'POST /servers' ? { failing } : null)
      const error = await rejection(provider.provide(access(), wish))
      expect(error).toMatchObject({ code: 'machine_failed', retryable: false, message: expect.stringContaining(`${failing} failed, action_failed: Action failed`) })
      expect([fake.project.servers, fake.project.keys]).toEqual([[], []])
    }
    fake.fault = () => null
    await provider.provide(access(), wish)
    expect(fake.project.servers).toHaveLength(1)
  })

  it('that does not come to run is kept for another try, and named', async () => {
    const hasty = createHetzner({ endpoint: fake.endpoint, pollMilliseconds: 5, longestSeconds: 0.05 })
    fake.actionMilliseconds = 200
    expect(await rejection(hasty.provide(access(), wish))).toMatchObject({ code: 'machine_not_running', message: expect.stringContaining('web-1-0000000000bb is initializing') })
    await provider.provide(access(), wish)
    expect(fake.project.bought).toHaveLength(1)
  })

  it('is let go of when its wish is cancelled', async () => {
    const cancelled = new AbortController()
    fake.actionMilliseconds = 5000
    fake.fault = ({ route }) => {
      if (route === 'GET /servers/{id}') cancelled.abort(new Error('cancelled'))
      return null
    }
    await expect(provider.provide(access(), wish, cancelled.signal)).rejects.toThrow('cancelled')
    expect(fake.project.servers).toHaveLength(1)
  })

  it.each<[Refused, object]>([
    [{ status: 403, code: 'resource_limit_exceeded' }, { code: 'limit_reached', field: null, message: expect.stringContaining('have the limit raised') }],
    [{ status: 412, code: 'resource_unavailable' }, { code: 'not_available', field: 'type' }],
    [{ status: 412, code: 'placement_error' }, { code: 'not_available', field: 'type' }],
    [{ status: 422, code: 'invalid_server_type' }, { code: 'not_offered', field: 'type' }],
    [{ status: 403, code: 'forbidden' }, { code: 'access_denied', field: 'token' }],
    [{ status: 410, code: 'deprecated_api_endpoint' }, { code: 'protocol_error' }],
    [{ status: 418, code: 'a_new_code' }, { code: 'invalid_input', retryable: false }],
    [{ status: 503, code: 'a_new_code' }, { code: 'unavailable', retryable: true }],
    [{ status: 503, code: 'maintenance' }, { code: 'unavailable', retryable: true }],
    [{ status: 423, code: 'locked' }, { code: 'busy', retryable: true }],
    ['conflict', { code: 'busy', retryable: true }],
    ['server_error', { code: 'unavailable', retryable: true }],
    ['bad_gateway', { code: 'unavailable', retryable: true }],
    ['gateway_timeout', { code: 'unavailable', retryable: true }],
  ])('that is refused by %j', async (refused, expected) => {
    fake.fault = ({ route }) => (route === 'POST /servers' ? { refused } : null)
    const error = await rejection(provider.provide(access(), wish))
    expect(error).toMatchObject(expected)
    expect(error.message).toMatch(/^Hetzner Cloud: .+ \(.*correlation id 0123456789abcdef\)$/)
    expect(fake.project.bought).toEqual([])
  })

  it('of a type that is unknown, sold out, or not of the image', async () => {
    for (const [choice, expected] of [
      [{ type: 'cx99' }, { code: 'invalid_input', field: 'type' }],
      [{ image: 'debian-99' }, { code: 'invalid_input', field: 'image' }],
      [{ location: 'moon' }, { code: 'not_offered', field: 'location' }],
      [{ location: 'hel1' }, { code: 'not_available', field: 'type' }],
      [{ type: 'cax11', location: 'ash', network: null }, { code: 'not_offered', field: 'type' }],
    ] as const) {
      expect(await rejection(provider.provide(access(), { ...wish, ...choice }))).toMatchObject({ ...expected, retryable: false })
    }
    expect(fake.project.bought).toEqual([])
  })

  it('whose name somebody else has is not taken for ours', async () => {
    fake.project.addKey({ name: 'web-1-0000000000bb', labels: { 'keystone-server': wish.serverId }, public_key: generateDeployKey('x').publicKey })
    expect(await rejection(provider.provide(access(), wish))).toMatchObject({ code: 'name_taken', field: 'name', message: expect.stringContaining('another SSH key') })
    await provider.remove(access(), wish)
    expect(fake.project.keys).toHaveLength(1)
  })
})

describe('a limit of requests', () => {
  it.each<[Record<string, string>, number | null]>([
    [{ 'retry-after': '7' }, 7],
    [{ 'ratelimit-reset': `${Math.ceil(Date.now() / 1000) + 3600}` }, 60],
    [{ 'ratelimit-reset': `${Math.ceil(Date.now() / 1000) - 10}` }, 1],
    [{}, null],
    [{ 'retry-after': 'soon' }, null],
  ])('of which the answer says %j', (headers, retryAfterSeconds) => {
    expect(errorOf(429, new Headers(headers), null)).toMatchObject({ code: 'rate_limited', retryable: true, retryAfterSeconds })
  })

  it('is met in the middle, and the rest is made when it is over', async () => {
    fake.left = 5
    expect(await rejection(provider.provide(access(), wish))).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 60 })
    fake.left = 3600
    await provider.provide(access(), wish)
    expect([fake.project.bought.length, fake.project.keys.length]).toEqual([1, 1])
  })
})

describe('whatever goes wrong with whichever request', () => {
  const faults: Fault[] = ['dropped', 'lost', 'late', 'cut', 'silent', { failing: 'create_server' }, { failing: 'start_server' }]
  const refusals: Refused[] = ['server_error', 'bad_gateway', 'conflict', 'rate_limited', { status: 403, code: 'resource_limit_exceeded' }]

  it.each<[string, Fault]>([...faults, ...refusals.map((refused) => ({ refused }))].map((fault) => [JSON.stringify(fault), fault]))(
    'nothing is bought twice and nothing forgotten: %s',
    { timeout: 120_000 },
    async (_, fault) => {
      const quick = createHetzner({ endpoint: fake.endpoint, timeoutSeconds: 0.15, pollMilliseconds: 5, longestSeconds: 5 })
      const provide = (owner: MachineWish) => untilDone(() => quick.provide(access(), owner))
      const remove = (owner: MachineWish) => untilDone(() => quick.remove(access(), owner))
      const requests = { provide: await countOf(() => provide(wish)), remove: await countOf(() => remove(wish)) }
      for (let index = 0; index < requests.provide; index++) {
        const owner = wishFor({ organisationId, serverId: `e${index}` })
        fake.project.bought.length = 0
        const failures = await withFaultAt(index, fault, () => provide(owner))
        const { servers: [server, ...others], keys, bought } = fake.project
        expect([server?.status, server?.attached.length, others.length, keys.length], `request ${index}`).toEqual(['running', 1, 0, 1])
        expect(finalOnes(failures), `request ${index}`).toEqual([])
        expect(bought.length, `request ${index}`).toBe(1 + failures.filter(({ code }) => code === 'machine_failed').length)
        await remove(owner)
      }
      for (let index = 0; index < requests.remove; index++) {
        const owner = wishFor({ organisationId, serverId: `f${index}` })
        await provide(owner)
        expect(finalOnes(await withFaultAt(index, fault, () => remove(owner))), `request ${index}`).toEqual([])
      }
      expect([fake.project.servers, fake.project.keys, fake.project.networks.length]).toEqual([[], [], 1])
      await quick.removeNetworks(access(), organisationId)
      expect(fake.project.networks).toEqual([])
    },
  )

  /** Failures that end an operation, though nobody has to do anything for the next one. */
  const finalOnes = (failures: readonly ProviderError[]) =>
    failures.filter(({ code, retryable }) => !retryable && !['machine_failed', 'limit_reached'].includes(code)).map(({ message }) => message)

  /** As an operation is tried, later each time, and a failed one started again. Returns what went wrong on the way. */
  async function untilDone(work: () => Promise<unknown>, failures: ProviderError[] = []): Promise<ProviderError[]> {
    try {
      await work()
      return failures
    } catch (error) {
      if (!(error instanceof ProviderError) || failures.length > 10) throw error
      await pause(2 ** failures.length)
      return untilDone(work, [...failures, error])
    }
  }

  async function countOf(work: () => Promise<unknown>): Promise<number> {
    const before = fake.asked.length
    await work()
    return fake.asked.length - before
  }

  /** It befalls the how many-th request from now on. */
  async function withFaultAt<Done>(index: number, fault: Fault, work: () => Promise<Done>): Promise<Done> {
    const at = fake.asked.length + index
    fake.fault = (seen) => (seen.index === at ? fault : null)
    const done = await work()
    fake.fault = () => null
    return done
  }
})

describe('removing', () => {
  it('is fine where there is nothing, and touches nothing of others', async () => {
    await provider.provide(access(), wish)
    await provider.remove(access(), wishFor({ organisationId, serverId: 'cc' }))
    await provider.remove(access(), wishFor({ organisationId: idOf<OrganisationId>('0198c0de-0000-7000-8000-0000000000ab') }))
    await provider.removeNetworks(access(), organisationId)
    expect([fake.project.servers.length, fake.project.keys.length, fake.project.networks.length]).toEqual([1, 1, 1])
  })

  it('of a machine that is protected there says so', async () => {
    await provider.provide(access(), wish)
    fake.project.servers[0]!.isProtected = true
    expect(await rejection(provider.remove(access(), wish))).toMatchObject({ code: 'protected', retryable: false })
  })
})

it('says where nobody answers', async () => {
  const nowhere = createHetzner({ endpoint: `http://127.0.0.1:${await freePort()}/v1` })
  expect(await rejection(nowhere.verify(access()))).toMatchObject({ code: 'unreachable', retryable: true, message: expect.stringContaining('ECONNREFUSED') })
})
