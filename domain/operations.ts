/** What an operation is and may become (specification section 3, design section 4). */

export const operationKinds = [
  'server_provision',
  'server_reboot',
  'service_deploy',
  'replica_deploy',
  'slice_provision',
  'slice_configure',
  'slice_detach',
  'slice_remove',
  'route_remove',
  'environment_deploy',
  'gateway_cutover',
  'config_change',
  'credential_rotation',
  'key_rotation',
  'migration_run',
  'command_run',
  'environment_rollback',
  'environment_remove',
  'service_stop',
  'service_start',
  'service_restart',
  'service_remove',
  'service_update',
  'volume_remove',
  'server_harden',
  'server_key_rotation',
  'server_remove',
  'operation_recover',
] as const
export type OperationKind = (typeof operationKinds)[number]

/** Whether an operation takes an environment to another version: these make releases. */
export const rolloutKinds = ['environment_deploy', 'environment_rollback', 'config_change'] as const satisfies readonly OperationKind[]
export type RolloutKind = (typeof rolloutKinds)[number]
export const isRollout = (kind: OperationKind): kind is RolloutKind => rolloutKinds.some((rollout) => rollout === kind)

/** Whether an operation is one command line in a container of its own, and nothing else. */
export const isOneOff = (kind: OperationKind): boolean => kind === 'migration_run' || kind === 'command_run'

export const operationStatuses = [
  'queued',
  'pending',
  'running',
  'recovering',
  'succeeded',
  'failed',
  'cancelled',
  'superseded',
] as const
export type OperationStatus = (typeof operationStatuses)[number]

export const endedStatuses = ['succeeded', 'failed', 'cancelled', 'superseded'] as const
export type EndedStatus = (typeof endedStatuses)[number]

/** Whether an operation has come to its end; it is never reopened. */
export const hasEnded = (status: OperationStatus): status is EndedStatus => endedStatuses.some((ended) => ended === status)

export const targetTypes = ['server', 'service', 'replica', 'slice', 'environment', 'operation', 'volume', 'organisation'] as const
export type TargetType = (typeof targetTypes)[number]

export const stepStatuses = ['running', 'succeeded', 'failed', 'cancelled'] as const
export type StepStatus = (typeof stepStatuses)[number]

export type LockMode = 'shared' | 'exclusive'

/** A thing that an operation holds, as `<target type>/<id>`, with others or alone. */
export interface Lock {
  key: string
  mode: LockMode
}

/** Two operations exclude each other when they name the same key and at least one of them wants it for itself. */
export function conflicts(one: readonly Lock[], other: readonly Lock[]): boolean {
  return one.some((a) => other.some((b) => a.key === b.key && (a.mode === 'exclusive' || b.mode === 'exclusive')))
}

const lock = (mode: LockMode) => (type: TargetType, id: string): Lock => ({ key: `${type}/${id}`, mode })
export const shared = lock('shared')
export const exclusive = lock('exclusive')

/** Workflow ids are known before the start: kind and operation. */
export const workflowId = (kind: OperationKind, operationId: string): string => `${kind}/${operationId}`

/** What operations can be found by in the Temporal Web UI (design section 4). */
export const searchAttributeNames = {
  organisation: 'KeystoneOrganisation',
  environment: 'KeystoneEnvironment',
  server: 'KeystoneServer',
  kind: 'KeystoneKind',
  commit: 'KeystoneCommit',
} as const

/** Why an operation or a step failed, in words a person can act on at 3 a.m. Contains no secrets; the tail is masked. */
export interface Failure {
  code: string
  message: string
  server?: string
  step?: string
  exitCode?: number
  /** The user's command line that the step ran. */
  command?: string
  /** At most 1 KB of the last lines. */
  tail?: string
  /** What the user can do. */
  hint?: string
}

/** Whether an error's details, which come as JSON, are a failure's. */
export const isFailure = (value: unknown): value is Failure =>
  typeof value === 'object' && value !== null && 'code' in value && 'message' in value

/** Whether a deployment is of what its branch is at when it begins: then its commit is looked up first. */
export const followsBranch = ({ kind, input }: { kind: OperationKind; input: Readonly<Record<string, unknown>> }): boolean =>
  kind === 'environment_deploy' && typeof input.branch === 'string' && input.commit === undefined

/** Who or what asked for an operation. */
export interface Trigger {
  by: 'api' | 'webhook' | 'schedule' | 'operation'
  actor: string
  cause?: string
}
