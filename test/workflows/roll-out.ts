import { type Activities, on, type RunOperation } from './run-operation.ts'

/**
 * Runs a rollback or a configuration change; those activities that are named here do something else, and the plan has what `planned`
 * says.
 */
export async function rollOut(runOperation: RunOperation, kind: 'environment_rollback' | 'config_change', others: Activities = {}, planned: object = {}) {
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
  const activities = {
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
    ...others,
  }
  return runOperation(kind, activities, { operationId: id })
}
