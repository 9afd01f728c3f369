import { ApplicationFailure } from '@temporalio/common'
import { describe, expect, it } from 'vitest'
import type { Ending } from '../../db/operations/finish.ts'
import { workflowRunner } from './run-workflow.ts'

const runWorkflow = workflowRunner()

const failure = (code: string) => ApplicationFailure.create({ type: code, message: code, nonRetryable: true, details: [{ code, message: code }] })
const on = { serverId: 'server', serverName: 's1' }

/** Runs a rollback whose activities note that they were asked; those that are named here do something else. */
async function rollback(others: Record<string, (input: never) => Promise<unknown>> = {}, { firewalls = [] }: { firewalls?: object[] } = {}) {
  const asked: string[] = []
  const endings: Ending[] = []
  const id = Math.random().toString(36).slice(2)
  const web = { id: 'web', name: 'web', role: 'web', operationId: `${id}-web`, reason: 'new image', retiring: ['old'] }
  const plan = {
    ...{ isUnchanged: false, environmentId: 'environment', commit: 'a'.repeat(40), kept: [], isImageNew: true, schedulers: [], warnings: [], migration: null },
    build: { ...on, unresolved: [] },
    firewalls,
    services: [{ ...web, replicas: [{ id: 'new', operationId: `${id}-new`, ...on }] }],
    gateways: [{ serviceId: 'gateway', operationId: `${id}-gateway`, ...on, asks: [] }],
  }
  const leftovers = { environmentId: 'environment', servers: [], gateways: [], replicas: [{ id: 'new', containerName: 'new', ...on }], artifacts: [] }
  const does = {
    begin: async () => true,
    planRollback: async () => plan,
    findReleasedImage: async () => ({ reference: 'sha256:old', isLocal: true }),
    startReplica: async () => {},
    planFirewalls: async () => [{ ...on, revision: 7 }],
    applyFirewall: async () => {},
    writeRevision: async ({ change }: { change: string }) => ({ phase: change }),
    applyRevision: async () => {},
    recordRelease: async () => {},
    planCompletion: async () => ({ environmentId: 'environment', handovers: [], draining: [], retiring: [], closesPorts: true }),
    planPruning: async () => ({ environmentId: 'environment', servers: [on] }),
    pruneServer: async () => {},
    addWarning: async () => {},
    beginConvergence: async () => ({ isCommitted: false, leftovers }),
    stopReplica: async () => {},
    endConvergence: async () => {},
    async finish({ operationId, ending }: { operationId: string; ending: Ending }) {
      if (operationId === id) endings.push(ending)
    },
    ...others,
  }
  const noted = Object.entries(does).map(([name, activity]) => [
    name,
    async (input: never) => {
      if (!['begin', 'finish'].includes(name)) asked.push(name)
      return activity(input)
    },
  ])
  await runWorkflow('environment_rollback', Object.fromEntries(noted), id)
  return { asked, ending: endings[0] }
}

describe('a rollback', () => {
  it('finds its image, and goes on as a deploy does, without a build or a migration', async () => {
    const { asked, ending } = await rollback()
    expect(asked).toEqual([
      ...['planRollback', 'findReleasedImage', 'startReplica'],
      ...['writeRevision', 'applyRevision'],
      ...['recordRelease', 'planCompletion', 'planPruning', 'pruneServer', 'planFirewalls', 'applyFirewall'],
    ])
    expect(ending).toEqual({ status: 'succeeded', outcome: 'rolled_back' })
  })

  it('lets other servers in before it starts what needs them', async () => {
    const { asked } = await rollback({}, { firewalls: [{ ...on, revision: 6 }] })
    expect(asked.slice(0, 4).toSorted()).toEqual(['applyFirewall', 'findReleasedImage', 'planRollback', 'startReplica'])
    expect(asked[3]).toBe('startReplica')
  })

  it('whose image is gone is taken back before anything was started', async () => {
    const { asked, ending } = await rollback({ findReleasedImage: () => Promise.reject(failure('image_gone')) })
    expect(asked).toEqual(['planRollback', 'findReleasedImage', 'beginConvergence', 'stopReplica', 'planFirewalls', 'applyFirewall', 'endConvergence'])
    expect(ending).toMatchObject({ status: 'failed', failure: { code: 'image_gone' } })
  })

  it('that cannot even be planned has nothing to be taken back', async () => {
    const { asked, ending } = await rollback({ planRollback: () => Promise.reject(failure('release_is_live')) })
    expect(asked).toEqual(['planRollback'])
    expect(ending).toMatchObject({ status: 'failed', failure: { code: 'release_is_live' } })
  })

  it('of what runs already is unchanged', async () => {
    const { asked, ending } = await rollback({ planRollback: async () => ({ isUnchanged: true }) })
    expect(asked).toEqual(['planRollback'])
    expect(ending).toEqual({ status: 'succeeded', outcome: 'unchanged' })
  })

  it('succeeds with a warning where pruning fails, since users have had the new version long before', async () => {
    const { asked, ending } = await rollback({ pruneServer: () => Promise.reject(failure('step_failed')) })
    expect(asked.slice(-4)).toEqual(['pruneServer', 'addWarning', 'planFirewalls', 'applyFirewall'])
    expect(ending).toMatchObject({ status: 'succeeded' })
  })
})
