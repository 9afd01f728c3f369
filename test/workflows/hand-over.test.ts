import { ApplicationFailure } from '@temporalio/common'
import { describe, expect, it } from 'vitest'
import type { ReplicaStop } from '../../activities/replicas.ts'
import type { SchedulerStart, SchedulerStop } from '../../activities/scheduler.ts'
import { workflowRunner } from './run-workflow.ts'

const runWorkflow = workflowRunner()

interface Place {
  replicaId: string
  serverId: string
  serverName: string
}

const place = (replicaId: string, server: string): Place => ({ replicaId, serverId: server, serverName: server })

/** What the deploy has replaced, and as what the start of a scheduler fails. */
interface Course {
  started?: string | null
  replaced?: string[]
}

/** Completes a committed deploy that has these schedulers to hand over. */
async function complete(handovers: readonly { from: Place | null; to: Place | null }[], { started = null, replaced = [] }: Course = {}) {
  const did: string[] = []
  const orders: number[] = []
  const warnings: object[] = []
  const nobody = { environmentId: null, servers: [], gateways: [], replicas: [], artifacts: [] }
  const activities = {
    begin: async () => true,
    takeOver: async () => ({ lostId: 'lost', isRollout: true }),
    beginConvergence: async () => ({ isCommitted: true, leftovers: nobody }),
    planCompletion: async () => ({
      ...{ environmentId: 'environment', handovers, draining: [] },
      retiring: replaced.map((id) => ({ id, serverName: 'one', containerName: id })),
    }),
    planPruning: async () => ({ environmentId: 'environment', servers: [] }),
    stopReplica: async ({ replicaId }: ReplicaStop) => void did.push(`retire ${replicaId}`),
    async stopScheduler({ order, replicaId, isKept }: SchedulerStop) {
      orders.push(order)
      did.push(`${isKept ? 'release' : 'stop'} ${replicaId}`)
      return { ticked: 100 }
    },
    async startScheduler({ order, replicaId, follows }: SchedulerStart) {
      orders.push(order)
      did.push(`start ${replicaId} after ${JSON.stringify(follows)}`)
      if (started) throw ApplicationFailure.create({ type: started, nonRetryable: true, details: [{ code: started, message: started }] })
    },
    recordHandover: async ({ from, to }: (typeof handovers)[number]) => void did.push(`record ${from?.replicaId} ${to?.replicaId}`),
    addWarning: async ({ warning }: { warning: object }) => void warnings.push(warning),
    finishLost: async () => {},
    finish: async () => {},
  }
  await runWorkflow('operation_recover', activities)
  return { did, orders, warnings }
}

describe('the charge of ticking', () => {
  it('is taken over in one step on the same server, and only then the old scheduler ends', async () => {
    const { did, warnings } = await complete([{ from: place('old', 'one'), to: place('new', 'one') }], { replaced: ['old'] })
    expect(did).toEqual(['start new after {"replicaId":"old"}', 'stop old', 'record old new', 'retire old'])
    expect(warnings).toEqual([])
  })

  it('passes to another server with its last minute', async () => {
    const { did } = await complete([{ from: place('old', 'one'), to: place('new', 'two') }])
    expect(did).toEqual(['release old', 'start new after {"ticked":100}', 'stop old', 'record old new'])
  })

  it('begins after nobody, and ends with nobody after it', async () => {
    expect((await complete([{ from: null, to: place('new', 'one') }])).did).toEqual(['start new after null', 'record undefined new'])
    expect((await complete([{ from: place('old', 'one'), to: null }])).did).toEqual(['stop old', 'record old undefined'])
  })

  it('passes on replica by replica, each in steps of its own', async () => {
    const servers = ['one', 'two', 'three']
    const { did, orders } = await complete(servers.map((server) => ({ from: place(`old-${server}`, server), to: place(`new-${server}`, server) })))
    for (const server of servers) {
      const own = [`start new-${server} after {"replicaId":"old-${server}"}`, `stop old-${server}`, `record old-${server} new-${server}`]
      expect(did.filter((line) => own.includes(line))).toEqual(own)
    }
    expect(new Set(orders).size).toBe(6)
  })

  it('stays where it is when the new scheduler cannot be started: that is a warning, and the old replica is not retired', async () => {
    const handover = { from: place('old', 'one'), to: place('new', 'one') }
    const { did, warnings } = await complete([handover], { started: 'step_failed', replaced: ['old', 'old-2'] })
    expect(did).toEqual(['start new after {"replicaId":"old"}', 'retire old-2'])
    expect(warnings).toEqual([{ code: 'scheduler_not_handed_over', message: 'the scheduler was not handed over: step_failed' }])
  })
})
