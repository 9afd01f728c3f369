import { ApplicationFailure } from '@temporalio/common'
import type { Ending } from '../../db/operations/finish.ts'
import type { RunWorkflow } from './run-workflow.ts'

export const failure = (code: string) => ApplicationFailure.create({ type: code, message: code, nonRetryable: true, details: [{ code, message: code }] })
export const on = { serverId: 'server', serverName: 's1' }

/** What an activity of the test does instead of the usual. */
type Others = Record<string, (input: never) => Promise<unknown>>

/**
 * Runs a rollback or a configuration change whose activities note that they were asked; those of `others` do something else, and the
 * plan has what `planned` says.
 */
export async function rollOut(runWorkflow: RunWorkflow, kind: 'environment_rollback' | 'config_change', others: Others = {}, planned: object = {}) {
  const asked: string[] = []
  const endings: Ending[] = []
  const id = Math.random().toString(36).slice(2)
  const web = { id: 'web', name: 'web', role: 'web', operationId: `${id}-web`, reason: 'new image', retiring: ['old'] }
  const plan = {
    ...{ isUnchanged: false, environmentId: 'environment', commit: 'a'.repeat(40), kept: [], isImageNew: true, schedulers: [], warnings: [], migration: null },
    build: { ...on, unresolved: [], running: null },
    firewalls: [],
    services: [{ ...web, replicas: [{ id: 'new', operationId: `${id}-new`, ...on }] }],
    gateways: [{ serviceId: 'gateway', operationId: `${id}-gateway`, ...on, asks: [] }],
    ...planned,
  }
  const leftovers = { environmentId: 'environment', servers: [], gateways: [], replicas: [{ id: 'new', containerName: 'new', ...on }], artifacts: [] }
  const does = {
    begin: async () => true,
    planRollback: async () => plan,
    planConfigChange: async () => plan,
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
  await runWorkflow(kind, Object.fromEntries(noted), id)
  return { asked, ending: endings[0] }
}
