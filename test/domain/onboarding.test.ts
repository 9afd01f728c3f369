import { describe, expect, it } from 'vitest'
import { furthest, nextOf, onboarding } from '../../domain/onboarding.ts'
import { type OnboardingFacts, onboardingSteps, type OnboardingStepName } from '../../domain/onboarding-step.ts'

const path = '/organisations/team'
const server = (name: string, status: OnboardingFacts['servers'][number]['status'] = 'active') => ({ id: name as never, name, status })
const application: NonNullable<OnboardingFacts['application']> = {
  ...{ id: 'shop' as never, name: 'shop', deployKeyPublic: 'ssh-ed25519 AAAA', isKeyInstalled: true },
  gitHost: { host: 'github.com', port: 22, isKnown: true },
}
const environment: NonNullable<OnboardingFacts['environment']> = {
  ...{ id: 'production' as never, name: 'production', serverIds: ['s1' as never], webServiceId: 'web' as never, registryId: null },
  ...{ image: 'built', hasBuilder: false, isDeployed: false, isDeploying: false, attached: [] },
}
const nothing: OnboardingFacts = { path, providers: [], servers: [], registries: [], services: [], application: null, environment: null }
const ready: OnboardingFacts = { ...nothing, servers: [server('s1')], application, environment }

const stepOf = (facts: OnboardingFacts, name: OnboardingStepName) => onboarding(facts).find((step) => step.name === name)!
const next = (facts: OnboardingFacts) => nextOf(onboarding(facts))

describe('onboarding', () => {
  it('has the steps of the specification in its order, and the deployment behind them', () => {
    expect(onboarding(nothing).map(({ name }) => name)).toEqual([...onboardingSteps])
  })

  it('asks for what is needed before what may be left out', () => {
    expect(next(nothing)).toMatchObject({ step: 'repository' })
    expect(next(ready)).toMatchObject({ step: 'deployment', request: { method: 'POST', path: `${path}/environments/production/deployments`, body: {} } })
    expect(next({ ...ready, environment: { ...environment, isDeployed: true } })).toMatchObject({ step: 'provider' })
  })

  it('has nothing to ask for while all waits for a server', () => {
    const facts: OnboardingFacts = { ...nothing, application, servers: [server('s1', 'provisioning')], environment: { ...environment, isDeployed: true } }
    expect(stepOf(facts, 'server')).toMatchObject({ state: 'in_progress', requests: [] })
    expect(next(facts)).toBeNull()
  })

  it('waits for a deployment that is under way', () => {
    const facts = { ...ready, environment: { ...environment, isDeploying: true } }
    expect(stepOf(facts, 'deployment')).toMatchObject({ state: 'in_progress', requests: [] })
    expect(next(facts)).toBeNull()
  })

  it('has a server that failed tried again, and nothing deployed before', () => {
    const facts = { ...ready, servers: [server('s0'), server('s1', 'failed')] }
    expect(stepOf(facts, 'server')).toMatchObject({ state: 'ready', requests: [{ path: `${path}/servers/s1/provision`, body: {} }] })
    expect(stepOf(facts, 'deployment')).toMatchObject({ state: 'blocked', blockedBy: 'server', requests: [] })
  })

  it('buys a server where it can, and adopts one elsewhere', () => {
    const paths = (facts: OnboardingFacts) => stepOf(facts, 'server').requests.map((request) => request.path)
    expect(paths(nothing)).toEqual([`${path}/servers`])
    expect(paths({ ...nothing, providers: [{ id: 'hetzner' as never }] })).toEqual([`${path}/providers/hetzner/servers`, `${path}/servers`])
  })

  it('has the host key of a git host confirmed before the deploy key is tried', () => {
    const unknown = { ...application, isKeyInstalled: false, gitHost: { host: 'git.example.com', port: 2222, isKnown: false } }
    expect(stepOf({ ...ready, application: unknown }, 'deploy_key').requests).toMatchObject([
      { path: `${path}/git-host-keys`, body: { host: 'git.example.com', port: 2222 }, yours: ['key'] },
    ])
    const known = { ...unknown, gitHost: { ...unknown.gitHost, isKnown: true } }
    expect(stepOf({ ...ready, application: known }, 'deploy_key')).toMatchObject({
      ...{ message: expect.stringContaining('ssh-ed25519 AAAA'), requests: [{ path: `${path}/applications/shop/verify` }] },
    })
  })

  it.each([
    ['spans several servers', { serverIds: ['s1', 's2'] as never }, true],
    ['has a builder of its own', { hasBuilder: true }, true],
    ['is on one server', {}, false],
    ['is built elsewhere', { serverIds: ['s1', 's2'] as never, image: 'named' }, false],
  ] as const)('says whether an environment that %s needs a registry', (_, own, isNeeded) => {
    const facts: OnboardingFacts = { ...ready, servers: [server('s1'), server('s2')], environment: { ...environment, ...own } }
    expect(stepOf(facts, 'registry')).toMatchObject({ state: 'ready', isOptional: !isNeeded })
    expect(stepOf(facts, 'deployment').state).toBe(isNeeded ? 'blocked' : 'ready')
  })

  it('proposes a registry for pushing beside one that is only pulled from', () => {
    const registries = [{ id: 'main' as never, name: 'main', takesBuilds: false }]
    expect(stepOf({ ...ready, registries }, 'registry')).toMatchObject({ state: 'ready', requests: [{ body: { name: 'main-2' } }] })
    expect(stepOf({ ...ready, registries: [{ ...registries[0]!, takesBuilds: true }] }, 'registry').state).toBe('done')
  })

  it('needs no deploy key for an image that was built elsewhere, but its name', () => {
    const facts: OnboardingFacts = { ...ready, application: { ...application, isKeyInstalled: false }, environment: { ...environment, image: 'unnamed' } }
    expect(stepOf(facts, 'deploy_key').isOptional).toBe(true)
    expect(stepOf(facts, 'deployment')).toMatchObject({ state: 'ready', requests: [{ body: { image: expect.any(String) }, yours: ['image'] }] })
  })

  it('attaches what is on the servers of the environment, and makes the rest there, under names that are free', () => {
    const services = [
      { id: 'near' as never, name: 'cache', driverName: 'postgres', serverIds: ['s1' as never] },
      { id: 'far' as never, name: 'far', driverName: 'valkey', serverIds: ['s2' as never] },
    ] as const
    expect(stepOf({ ...ready, services }, 'attachments').requests).toMatchObject([
      { path: `${path}/environments/production/attachments`, body: { serviceId: 'near', role: 'database' } },
      { path: `${path}/services`, body: { driver: 'valkey', name: 'cache-2', serverId: 's1' } },
      { path: `${path}/services`, body: { driver: 'caddy', name: 'gateway', serverId: 's1' } },
    ])
    const all = { ...environment, attached: ['cache', 'database', 'gateway'] }
    expect(stepOf({ ...ready, environment: all }, 'attachments')).toMatchObject({ state: 'done', requests: [] })
  })

  it('is of the environment that is furthest along, and of the first of equal ones', () => {
    const at = { isDeployed: false, isKeyInstalled: false, hasServers: false, attached: 0 }
    const all = [{ ...at, id: 1 }, { ...at, hasServers: true, id: 2 }, { ...at, hasServers: true, id: 3 }, { ...at, attached: 3, id: 4 }]
    expect(furthest(all)?.id).toBe(2)
    expect(furthest([...all, { ...at, isDeployed: true, id: 5 }])?.id).toBe(5)
    expect(furthest([])).toBeUndefined()
  })
})
