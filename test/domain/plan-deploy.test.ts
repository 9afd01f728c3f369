import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { batchesOfPlan, type PlannedService, serversToPull } from '../../domain/deploy-plan.ts'
import type { DeploySnapshot, PresentReplica, SnapshotService, WantedReplica } from '../../domain/deploy-snapshot.ts'
import { planDeploy, type PlanIds } from '../../domain/plan-deploy.ts'
import type { OperationId, ReplicaId, ServerId, ServiceId } from '../../domain/ids.ts'
import type { SchedulerMode } from '../../domain/scheduler.ts'

const ids: PlanIds = {
  replica: (serviceId, serverId, index) => `${serviceId}/${serverId}/${index}` as ReplicaId,
  operation: (kind, targetId) => `${kind}:${targetId}` as OperationId,
}

const wanted = (server: string, configHash = 'same'): WantedReplica => ({ serverId: server as ServerId, serverName: server, configHash })
const present = (id: string, server: string, values: Partial<PresentReplica> = {}): PresentReplica => ({
  ...{ id: id as ReplicaId, serverId: server as ServerId, serverName: server, configHash: 'same', imageDigest: 'sha256:1', isHealthy: true, isAltered: false },
  ...values,
})
const web = (values: Partial<SnapshotService> = {}): SnapshotService => ({
  ...{ id: 'web' as ServiceId, name: 'web', role: 'web', wanted: [wanted('one')], present: [present('old-web', 'one')] },
  ...values,
})
const worker = (values: Partial<SnapshotService> = {}): SnapshotService => ({
  ...{ id: 'worker' as ServiceId, name: 'worker', role: 'worker', wanted: [wanted('one')], present: [present('old-worker', 'one')] },
  ...values,
})
const on = { serverId: 'one' as ServerId, serverName: 'one' }
const gateway = { serviceId: 'gateway' as ServiceId, name: 'edge', ...on, isStopped: false }
const snapshot = (values: Partial<DeploySnapshot> = {}): DeploySnapshot => ({
  ...{ services: [web(), worker()], currentArtifact: 'artifact-1', wantedArtifact: 'artifact-1', gateways: [gateway] },
  scheduler: { targetServiceId: 'worker' as ServiceId, mode: 'single', tickingReplicaIds: ['old-worker' as ReplicaId] },
  ...{ queueConnection: 'redis', hasEmbeddedWorker: false, batchSize: null },
  advice: { path: '/environment', queueStore: 'redis', serverId: 'one' as ServerId, findings: [] },
  ...values,
})
const reasons = (of: DeploySnapshot) => Object.fromEntries(planDeploy(of, ids).services.map(({ name, reason }) => [name, reason]))

describe('a deploy', () => {
  test('of what runs already changes nothing', () => {
    expect(planDeploy(snapshot(), ids)).toEqual({
      ...{ isUnchanged: true, services: [], gateways: [], isImageNew: false, schedulers: ['old-worker'], warnings: [] },
      kept: [{ id: 'web', name: 'web' }, { id: 'worker', name: 'worker' }],
    })
  })

  test('of a new commit replaces every replica, gives the new ones to the gateways and hands over the scheduler', () => {
    const plan = planDeploy(snapshot({ wantedArtifact: 'artifact-2' }), ids)
    expect(plan).toMatchObject({ isUnchanged: false, isImageNew: true, kept: [], schedulers: ['worker/one/0'] })
    expect(plan.services).toMatchObject([
      { name: 'web', reason: 'new image', operationId: 'service_deploy:web', retiring: ['old-web'] },
      { name: 'worker', reason: 'new image', operationId: 'service_deploy:worker', retiring: ['old-worker'] },
    ])
    expect(plan.services[0]?.replicas).toEqual([{ id: 'web/one/0', operationId: 'replica_deploy:web/one/0', serverId: 'one', serverName: 'one', askedBy: 'gateway' }])
    expect(plan.gateways).toEqual([{ serviceId: 'gateway', ...on, batch: 0, operationId: 'gateway_cutover:gateway', asks: [] }])
  })

  test('has its image pulled on each of its servers once, but on the one that builds it', () => {
    const wide = snapshot({ wantedArtifact: null, services: [web({ wanted: [wanted('one'), wanted('two')] }), worker({ wanted: [wanted('two')] })] })
    const plan = planDeploy(wide, ids)
    expect(serversToPull(plan, 'one' as ServerId)).toEqual([{ serverId: 'two', serverName: 'two' }])
    expect(serversToPull(plan, null)).toEqual([{ serverId: 'one', serverName: 'one' }, { serverId: 'two', serverName: 'two' }])
  })

  test('in batches starts on so many servers at once, the web first, and switches each gateway once for each of them', () => {
    const three = [wanted('one'), wanted('two'), wanted('three')]
    const services = [worker({ wanted: [wanted('four'), wanted('one')] }), web({ wanted: three })]
    const plan = planDeploy(snapshot({ wantedArtifact: null, batchSize: 2, services }), ids)
    const parts = batchesOfPlan(plan).map((batch) => ({
      services: batch.services.map(({ name, operationId, replicas }) => [name, operationId, replicas.map(({ serverName }) => serverName)]),
      gateways: batch.gateways.map(({ operationId, asks }) => [operationId, asks]),
    }))
    expect(parts).toEqual([
      {
        services: [['worker', 'service_deploy:worker', ['one']], ['web', 'service_deploy:web', ['one', 'two']]],
        gateways: [['gateway_cutover:gateway', ['web/two/1']]],
      },
      {
        services: [['worker', 'service_deploy:worker/1', ['four']], ['web', 'service_deploy:web/1', ['three']]],
        gateways: [['gateway_cutover:gateway/1', ['web/three/2']]],
      },
    ])
    expect(plan.services.map(({ retiring }) => retiring)).toEqual([['old-worker'], [], ['old-web'], []])
    expect(planDeploy(snapshot({ wantedArtifact: null, services }), ids).services.every(({ batch }) => batch === 0)).toBe(true)
  })

  test('whose artifact is not known yet is one of a new image', () => {
    expect(planDeploy(snapshot({ wantedArtifact: null }), ids)).toMatchObject({ isImageNew: true, isUnchanged: false })
  })

  test('that is the first starts everything and retires nothing', () => {
    const services = [web({ present: [] }), worker({ present: [] })]
    const first = snapshot({ services, currentArtifact: null, scheduler: { targetServiceId: 'worker' as ServiceId, mode: 'single', tickingReplicaIds: [] } })
    expect(reasons(first)).toEqual({ web: 'first deploy', worker: 'first deploy' })
    expect(planDeploy(first, ids).services.flatMap(({ retiring }) => retiring)).toEqual([])
  })
})

describe('a service is deployed alone, and for the right reason', () => {
  test.each([
    ['its configuration changed', web({ wanted: [wanted('one', 'other')] }), 'configuration changed'],
    ['it is to be on another server', web({ wanted: [wanted('two')] }), 'placement changed'],
    ['it is to have none any more', web({ wanted: [] }), 'placement changed'],
    ['it is not healthy', web({ present: [present('old-web', 'one', { isHealthy: false })] }), 'not healthy'],
    ['somebody has changed it', web({ present: [present('old-web', 'one', { isAltered: true })] }), 'changed on its server'],
    ['it runs another image than the release', web({ present: [present('old-web', 'one', { imageDigest: 'sha256:0' })] }), 'new image'],
    ['it is to be restarted', web({ renewal: 'restarted' }), 'restarted'],
  ])('when %s', (_, changed, reason) => {
    const plan = planDeploy(snapshot({ services: [changed, worker()], currentImage: 'sha256:1' }), ids)
    expect(plan).toMatchObject({ isUnchanged: false, isImageNew: false, kept: [{ name: 'worker' }], schedulers: ['old-worker'] })
    expect(plan.services).toMatchObject([{ name: 'web', reason, retiring: ['old-web'] }])
  })

  test('not when its servers are the same in another order', () => {
    const spread = web({ wanted: [wanted('two'), wanted('one')], present: [present('a', 'one'), present('b', 'two')] })
    expect(reasons(snapshot({ services: [spread, worker()] }))).toEqual({})
  })

  test('not when it is nowhere and is to be nowhere, even with a new image', () => {
    expect(reasons(snapshot({ services: [web(), worker({ wanted: [], present: [] })], wantedArtifact: 'artifact-2' }))).toEqual({ web: 'new image' })
  })
})

describe('scaling', () => {
  const scaled = (web: SnapshotService, ticking: string[] = []) => {
    const scheduler = { targetServiceId: 'web' as ServiceId, mode: 'single' as const, tickingReplicaIds: ticking as ReplicaId[] }
    const plan = planDeploy(snapshot({ services: [web], scheduler }), ids)
    const [service] = plan.services
    return { reason: service?.reason, starting: service?.replicas.map(({ id }) => id), retiring: service?.retiring, schedulers: plan.schedulers }
  }
  const pair = [present('a', 'one'), present('b', 'one')]

  test('up starts what is missing, beside what runs', () => {
    const up = scaled(web({ wanted: [wanted('one'), wanted('one'), wanted('two')] }), ['old-web'])
    expect(up).toEqual({ reason: 'placement changed', starting: ['web/one/1', 'web/two/2'], retiring: [], schedulers: ['old-web'] })
  })

  test('down retires what is too much, and not the one that ticks', () => {
    expect(scaled(web({ present: pair }), ['b'])).toEqual({ reason: 'placement changed', starting: [], retiring: ['a'], schedulers: ['b'] })
    expect(scaled(web({ present: pair }), ['a'])).toMatchObject({ retiring: ['b'], schedulers: ['a'] })
  })

  test('replaces what is not as it should be, and has it switched by the gateways', () => {
    const sick = [present('a', 'one', { isHealthy: false }), present('b', 'one')]
    const outdated = [present('a', 'one', { configHash: 'other' }), present('b', 'two')]
    const two = [wanted('one'), wanted('one'), wanted('two')]
    expect(scaled(web({ present: sick, wanted: two }))).toMatchObject({ starting: ['web/one/1', 'web/two/2'], retiring: ['a'] })
    expect(scaled(web({ present: outdated, wanted: [wanted('one'), wanted('two')] }))).toMatchObject({ reason: 'configuration changed', starting: ['web/one/0'], retiring: ['a'] })
  })

  test('moves the scheduler where its replica goes', () => {
    expect(scaled(web({ wanted: [wanted('two')], present: pair }), ['a'])).toMatchObject({ starting: ['web/two/0'], retiring: ['a', 'b'], schedulers: ['web/two/0'] })
  })
})

describe('a service that is left alone', () => {
  test('because it is stopped is not deployed, whatever changes, and the plan says so', () => {
    const stopped = worker({ left: 'stopped', present: [] })
    const { advice } = snapshot()
    const path = '/organisations/1/environments/2'
    const plan = planDeploy(snapshot({ services: [web(), stopped], wantedArtifact: 'artifact-2', advice: { ...advice, path } }), ids)
    expect(plan.services.map(({ name }) => name)).toEqual(['web'])
    expect(plan.kept).toEqual([{ id: 'worker', name: 'worker', because: 'stopped' }])
    expect(plan.warnings).toEqual([
      expect.objectContaining({ code: 'queue_without_worker' }),
      {
        ...{ code: 'service_stopped', hint: 'Start it when it is to run again.' },
        message: 'worker is stopped and stays so. Nothing ticks meanwhile, since the scheduler runs there.',
        request: { method: 'POST', path: '/organisations/1/services/worker/start', body: {} },
      },
    ])
    expect(plan.schedulers).toEqual([])
  })

  test('because it is deployed on its own keeps its scheduler', () => {
    const plan = planDeploy(snapshot({ services: [web(), worker({ left: 'manual' })], wantedArtifact: 'artifact-2' }), ids)
    expect(plan).toMatchObject({ services: [{ name: 'web' }], kept: [{ name: 'worker', because: 'manual' }], schedulers: ['old-worker'], warnings: [] })
  })

  test('because the operation is about another one is nothing to tell of', () => {
    const plan = planDeploy(snapshot({ services: [web({ renewal: 'restarted' }), worker({ left: 'not concerned', wanted: [] })] }), ids)
    expect(plan).toMatchObject({ services: [{ name: 'web', reason: 'restarted' }], schedulers: ['old-worker'] })
    expect(plan.kept).toEqual([{ id: 'worker', name: 'worker' }])
  })
})

describe('gateways', () => {
  test('are left alone when only a worker is deployed', () => {
    expect(planDeploy(snapshot({ services: [web(), worker({ wanted: [wanted('one', 'other')] })] }), ids).gateways).toEqual([])
  })

  test('ask the new web replicas: those of their own server as they start, those elsewhere themselves', () => {
    const socket: SnapshotService = { ...web({ wanted: [wanted('two')], present: [] }), id: 'socket' as ServiceId, name: 'socket', role: 'websocket' }
    const spread = snapshot({ services: [web({ wanted: [wanted('one'), wanted('two')] }), socket, worker()], wantedArtifact: 'artifact-2' })
    const plan = planDeploy(spread, ids)
    expect(plan.gateways).toMatchObject([{ asks: ['web/two/1'] }])
    const askedBy = plan.services.flatMap(({ replicas }) => replicas.map((replica) => [replica.id, replica.askedBy]))
    expect(Object.fromEntries(askedBy)).toEqual({ 'web/one/0': 'gateway', 'web/two/1': null, 'socket/two/0': null, 'worker/one/0': null })
  })
})

describe('jobs', () => {
  const warnings = (values: Partial<DeploySnapshot>) => planDeploy(snapshot(values), ids).warnings

  test('that run within requests are warned of, and nothing is changed for the user', () => {
    expect(warnings({ queueConnection: 'sync' })).toEqual([
      {
        code: 'queue_is_sync',
        message: 'QUEUE_CONNECTION is sync: jobs run within the requests that dispatch them.',
        hint: 'Set it to redis.',
        request: { method: 'PUT', path: '/environment/variables/QUEUE_CONNECTION', body: { value: 'redis' } },
      },
    ])
    expect(warnings({ queueConnection: 'sync', services: [web()] })).toMatchObject([{ hint: 'Set it to redis, and add a worker service.' }])
    expect(warnings({ queueConnection: null })).toMatchObject([{ code: 'queue_is_sync', message: expect.stringContaining('QUEUE_CONNECTION is not set') }])
  })

  test('have a queue recommended that the environment has, and none where it has none', () => {
    const attached = (queueStore: 'redis' | 'database' | null) => warnings({ queueConnection: 'sync', advice: { ...snapshot().advice, queueStore } })
    expect(attached('database')).toMatchObject([{ request: { body: { value: 'database' } } }])
    expect(attached(null)).toEqual([{ code: 'queue_is_sync', message: expect.any(String), hint: 'Attach a cache as a queue, and set it to redis.' }])
  })

  test('that nobody runs are warned of', () => {
    const nobody = [
      {
        code: 'queue_without_worker',
        message: 'QUEUE_CONNECTION is redis, but there is no worker to run the jobs.',
        hint: 'Add a worker service, or a worker beside the web process.',
        request: { method: 'POST', path: '/environment/services', body: { name: 'worker', role: 'worker', serverId: 'one' } },
      },
    ]
    expect(warnings({ services: [web()] })).toEqual(nobody)
    expect(warnings({ services: [web(), worker({ wanted: [] })] })).toEqual(nobody)
    expect(warnings({ services: [web()], hasEmbeddedWorker: true })).toEqual([])
    expect(warnings({})).toEqual([])
    expect(warnings({ services: [web()], queueConnection: 'null' })).toEqual([])
  })

  test('are warned of in a plan that changes nothing too', () => {
    expect(planDeploy(snapshot({ queueConnection: 'sync' }), ids)).toMatchObject({ isUnchanged: true, warnings: [{ code: 'queue_is_sync' }] })
  })
})

describe('the scheduler', () => {
  const scheduled = (targetServiceId: string | null, ticking: string[], values: Partial<DeploySnapshot> = {}, mode: SchedulerMode = 'single') => {
    const scheduler = { targetServiceId: targetServiceId as ServiceId | null, mode, tickingReplicaIds: ticking as ReplicaId[] }
    return planDeploy(snapshot({ ...values, scheduler }), ids)
  }
  const two = web({ wanted: [wanted('one'), wanted('two')], present: [present('old-1', 'one'), present('old-2', 'two')] })

  test('ends where nothing is to tick any more: that alone is a change', () => {
    expect(scheduled(null, ['old-worker'])).toMatchObject({ isUnchanged: false, schedulers: [], services: [] })
  })

  test('begins on a replica that stays, where none ticked', () => {
    expect(scheduled('worker', [])).toMatchObject({ isUnchanged: false, schedulers: ['old-worker'], services: [] })
  })

  test('moves to another service without deploying it', () => {
    expect(scheduled('web', ['old-worker'])).toMatchObject({ isUnchanged: false, schedulers: ['old-web'], services: [] })
  })

  test('has nowhere to tick where its service is unknown', () => {
    expect(scheduled('gone', [])).toMatchObject({ isUnchanged: true, schedulers: [] })
  })

  test('stays with the one replica that has it', () => {
    expect(scheduled('web', ['old-2'], { services: [two] })).toMatchObject({ isUnchanged: true, schedulers: ['old-2'] })
  })

  test('ticks on every replica where that is wished for, and on each new one after a deploy', () => {
    const every = (ticking: string[], values: Partial<DeploySnapshot> = {}) => scheduled('web', ticking, { services: [two], ...values }, 'every_replica')
    expect(every(['old-2', 'old-1'])).toMatchObject({ isUnchanged: true, schedulers: ['old-1', 'old-2'] })
    expect(every([]).warnings.at(-1)).toEqual({
      code: 'scheduler_on_every_replica',
      message: 'The scheduler runs on every one of 2 replicas, and so does each task.',
      hint: expect.stringContaining('onOneServer()'),
      request: { method: 'PATCH', path: '/environment', body: { schedulerMode: 'single' } },
    })
    expect(every(['old-1'])).toMatchObject({ isUnchanged: false, schedulers: ['old-1', 'old-2'], services: [] })
    expect(every(['old-1', 'old-2'], { wantedArtifact: 'artifact-2' })).toMatchObject({ schedulers: ['web/one/0', 'web/two/1'] })
  })

  test('goes back to one of the replicas that tick', () => {
    expect(scheduled('web', ['old-2', 'old-1'], { services: [two] })).toMatchObject({ isUnchanged: false, schedulers: ['old-1'], services: [] })
  })
})

const server = fc.constantFrom('one', 'two', 'three')
const hash = fc.constantFrom('same', 'other')
const replicas = fc.array(fc.record({ on: server, configHash: hash, isHealthy: fc.boolean() }), { maxLength: 4 })
const services = fc.array(fc.record({ goal: fc.array(server, { maxLength: 4 }), configHash: hash, have: replicas }), { maxLength: 4 }).map((all) =>
  all.map(({ goal, configHash, have }, index): SnapshotService => ({
    ...{ id: `service-${index}` as ServiceId, name: `service-${index}`, role: 'web' },
    wanted: goal.map((on) => wanted(on, configHash)),
    present: have.map(({ on, ...values }, of) => present(`present-${index}-${of}`, on, values)),
  })),
)

/** The service when its plan has been carried out. */
function deployed(service: SnapshotService, planned: PlannedService | undefined): SnapshotService {
  if (!planned) return service
  const configHash = service.wanted[0]?.configHash ?? 'same'
  const staying = service.present.filter(({ id }) => !planned.retiring.includes(id))
  return { ...service, present: [...staying, ...planned.replicas.map(({ id, serverId }) => present(id, serverId, { configHash }))] }
}

const places = (replicas: readonly { serverId: ServerId; configHash: string }[]) => replicas.map(({ serverId, configHash }) => `${serverId} ${configHash}`).toSorted()

test('whatever there is, the plan leads to what was wanted, replaces nothing that is as it should be, and planning again changes nothing', () => {
  fc.assert(
    fc.property(services, (all) => {
      const before = snapshot({ services: all, scheduler: { targetServiceId: null, mode: 'single', tickingReplicaIds: [] } })
      const plans = planDeploy(before, ids).services
      const after = all.map((service) => deployed(service, plans.find(({ id }) => id === service.id)))
      for (const service of after) expect(places(service.present)).toEqual(places(service.wanted))
      for (const { id, retiring, replicas: made } of plans) {
        const service = all.find((each) => each.id === id)!
        const replacedInVain = service.present
          .filter((replica) => replica.isHealthy && retiring.includes(replica.id) && replica.configHash === service.wanted[0]?.configHash)
          .filter(({ serverId }) => made.some((replica) => replica.serverId === serverId))
        expect(replacedInVain).toEqual([])
      }
      expect(planDeploy({ ...before, services: after }, ids)).toMatchObject({ isUnchanged: true, services: [] })
    }),
  )
})
