import { describe, expect, it } from 'vitest'
import { type Activities, failure, nothing, operationRunner } from './run-operation.ts'

const runOperation = operationRunner()
const on = { serverId: 'one', serverName: 'one' }
const replica = (id: string, values: object = {}) => ({ id, containerName: id, ...on, isKept: false, ticks: false, ...values })

/** Runs a workflow that ends something: an environment with web, worker and scheduler, behind one gateway. */
async function run(workflow: string, others: Activities = {}) {
  const orders: number[] = []
  const web = replica('web', { ticks: true })
  const activities = {
    beginStop: async () => {},
    beginRemoval: async () => {},
    planEnding: async () => ({ environmentId: 'environment', schedulers: [web], workers: [replica('worker')], gateways: [{ gatewayId: 'gateway', ...on }], others: [web] }),
    stopScheduler: async () => ({ ticked: 1 }),
    recordHandover: async () => {},
    stopReplica: async () => {},
    writeRevision: async ({ change }: { change: string }) => ({ phase: change }),
    applyRevision: async () => {},
    drainGateway: async () => [],
    recordEnded: async () => {},
    planFirewalls: async () => [{ ...on, revision: 3 }],
    applyFirewall: async () => {},
    planCleanUp: async () => ({ environmentId: 'environment', servers: [on] }),
    cleanUpServer: async () => {},
    pruneServer: async () => {},
    recordRemoved: async () => {},
    takeOver: async () => ({ lostId: 'lost', isRollout: false, kind: 'environment_remove' }),
    beginConvergence: async () => ({ isCommitted: true, leftovers: nothing }),
    finishLost: async () => {},
    ...others,
  }
  const noteOf = (name: string, { replicaId, order, change }: { replicaId?: string; order?: number; change?: string }) => {
    if (order !== undefined) orders.push(order)
    return [name, replicaId ?? change].filter(Boolean).join(' ')
  }
  const { asked: did, ending } = await runOperation(workflow, activities, { noteOf })
  return { did, orders, ending }
}

const ended = [
  ...['stopScheduler web', 'recordHandover', 'stopReplica worker'],
  ...['writeRevision withdraw', 'applyRevision withdraw', 'drainGateway', 'stopReplica web'],
  ...['recordEnded', 'planFirewalls', 'applyFirewall'],
]
const cleaned = ['planCleanUp', 'cleanUpServer', 'pruneServer', 'recordRemoved']

describe('a service that is stopped', () => {
  it('ends scheduler and workers first, then its traffic, confirmed and drained, then what answered it', async () => {
    const { did, orders, ending } = await run('service_stop')
    expect(did).toEqual(['beginStop', 'planEnding', ...ended])
    expect(orders).toEqual(orders.toSorted((one, other) => one - other))
    expect(ending).toEqual({ status: 'succeeded', outcome: 'stopped' })
  })

  it('fails where a server does not answer, and leaves nothing undone that was to come before', async () => {
    const { did, ending } = await run('service_stop', { drainGateway: () => Promise.reject(failure('ssh_unreachable')) })
    expect(did.at(-1)).toBe('drainGateway')
    expect(ending).toMatchObject({ status: 'failed', failure: { code: 'ssh_unreachable' } })
  })
})

describe('what is removed', () => {
  it.each(['service_remove', 'environment_remove'])('by a %s ends, and then what it had goes, its rows last', async (workflow) => {
    const { did, orders, ending } = await run(workflow)
    expect(did).toEqual(['beginRemoval', 'planEnding', ...ended, ...cleaned])
    expect(orders).toEqual(orders.toSorted((one, other) => one - other))
    expect(ending).toEqual({ status: 'succeeded', outcome: 'removed' })
  })

  it('stays as it is where somebody needs it', async () => {
    const { did, ending } = await run('service_remove', { beginRemoval: () => Promise.reject(failure('service_in_use')) })
    expect(did).toEqual(['beginRemoval'])
    expect(ending).toMatchObject({ status: 'failed', failure: { code: 'service_in_use' } })
  })

  it('without routes and images leaves gateways alone', async () => {
    const alone = { environmentId: null, schedulers: [], workers: [], gateways: [], others: [replica('data')] }
    const { did } = await run('service_remove', { planEnding: async () => alone, planCleanUp: async () => ({ environmentId: null, servers: [on] }) })
    expect(did).toEqual([
      ...['beginRemoval', 'planEnding', 'stopReplica data', 'recordEnded', 'planFirewalls', 'applyFirewall'],
      ...['planCleanUp', 'cleanUpServer', 'recordRemoved'],
    ])
  })

  it('is removed to the end by its recovery, where its workflow was lost', async () => {
    const { did } = await run('operation_recover')
    expect(did).toEqual(['takeOver', 'beginConvergence', 'planEnding', ...ended, ...cleaned, 'finishLost'])
  })

  it('and had not begun is left alone by its recovery', async () => {
    const { did } = await run('operation_recover', { beginConvergence: async () => ({ isCommitted: false, leftovers: nothing }), endConvergence: async () => {} })
    expect(did).toEqual(['takeOver', 'beginConvergence', 'endConvergence', 'finishLost'])
  })
})

describe('a removal that is forced', () => {
  const two = { serverId: 'two', serverName: 'two' }
  const onTwo = replica('far', two)
  const planEnding = async () => ({
    ...{ environmentId: 'environment', schedulers: [onTwo], workers: [replica('worker'), { ...onTwo, id: 'far-worker' }], asked: [on, two] },
    ...{ gateways: [{ gatewayId: 'gateway', ...on }, { gatewayId: 'far-gateway', ...two }], others: [onTwo, replica('web')] },
  })
  const givenUp: unknown[] = []
  const forced = (askServer: (input: { serverId: string }) => Promise<unknown>) =>
    run('environment_remove', {
      ...{ planEnding, askServer },
      giveUpServers: async ({ serverIds }: { serverIds: unknown }) => void givenUp.push(serverIds),
      planFirewalls: async () => [{ ...on, revision: 3 }, { ...two, revision: 3 }],
      planCleanUp: async () => ({ environmentId: 'environment', servers: [on, two] }),
    })

  it('goes on without a server that does not answer, and leaves all of it there alone', async () => {
    const { did, ending } = await forced(async ({ serverId }) => {
      if (serverId === 'two') throw failure('ssh_unreachable')
    })
    expect([did.slice(0, 2), did.slice(2, 5).toSorted()]).toEqual([['beginRemoval', 'planEnding'], ['askServer', 'askServer', 'giveUpServers']])
    expect(did.slice(5)).toEqual([
      ...['stopReplica worker', 'writeRevision withdraw', 'applyRevision withdraw', 'drainGateway', 'stopReplica web'],
      ...['recordEnded', 'planFirewalls', 'applyFirewall', ...cleaned],
    ])
    expect([givenUp.at(-1), ending]).toEqual([['two'], { status: 'succeeded', outcome: 'removed' }])
  })

  it('gives nobody up where it could not ask', async () => {
    const { did, ending } = await forced(() => Promise.reject(failure('unexpected')))
    expect(did).not.toContain('giveUpServers')
    expect(ending).toMatchObject({ status: 'failed', failure: { code: 'unexpected' } })
  })
})

describe('a service that stands alone', () => {
  /** The child has an id of its own, for nobody starts a workflow twice. */
  const plannedAs = (operationId: string) => ({
    ...{ isUnchanged: false, service: { id: 'gateway', name: 'gateway' }, image: 'caddy:2', firewalls: [] },
    replicas: [{ id: 'data', operationId, ...on, askedBy: null }],
  })
  const starting = { resolveServiceImage: async () => ({ digest: 'caddy@sha256:1' }), startReplica: async () => {}, recordServiceRunning: async () => {} }

  it('is restarted container by container', async () => {
    const { did, ending } = await run('service_restart', {
      planRestart: async () => ({ isOfEnvironment: false, replicas: [replica('data')] }),
      restartReplica: async () => {},
      recordRestarted: async () => {},
    })
    expect(did).toEqual(['planRestart', 'restartReplica data', 'recordRestarted'])
    expect(ending).toEqual({ status: 'succeeded', outcome: 'restarted' })
  })

  it('is started, and a gateway is told what has changed meanwhile', async () => {
    const { did } = await run('service_start', { ...starting, planService: async () => ({ ...plannedAs('first'), isGatewayBack: true }) })
    expect(did).toEqual(['planService', 'resolveServiceImage', 'startReplica data', 'writeRevision configure', 'applyRevision configure', 'recordServiceRunning'])
  })

  it('is stopped again where it does not come up', async () => {
    const left = { ...nothing, replicas: [{ ...replica('data'), isKept: true }] }
    const kept: unknown[] = []
    const { did, ending } = await run('service_start', {
      ...starting,
      planService: async () => plannedAs('second'),
      startReplica: () => Promise.reject(failure('step_failed')),
      beginConvergence: async () => ({ isCommitted: false, leftovers: left }),
      stopReplica: async ({ isKept }: { isKept?: boolean }) => void kept.push(isKept),
      endConvergence: async () => {},
    })
    expect(did.slice(3)).toEqual(['beginConvergence', 'stopReplica data', 'planFirewalls', 'applyFirewall', 'endConvergence'])
    expect([kept, ending]).toMatchObject([[true], { status: 'failed', failure: { code: 'step_failed' } }])
  })
})
