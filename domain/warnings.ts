/** What people should know of an operation that went well, or of an environment as it runs. */

/** What is looked at with every plan: it stays true of an environment until the next one. */
export const checkCodes = [
  'queue_is_sync',
  'queue_without_worker',
  'scheduler_on_every_replica',
  'public_fallback',
  'cross_location_upstream',
  'database_far',
  'local_disk',
  'debug_in_production',
  'disk_nearly_full',
] as const
export type CheckCode = (typeof checkCodes)[number]

/** What happened once, in an operation itself. */
const noteCodes = [
  'service_stopped',
  'migrations_stay',
  'services_added',
  'drain_failed',
  'requests_cut_off',
  'replica_not_retired',
  'not_pruned',
  'ports_not_closed',
  'scheduler_not_handed_over',
  'not_taken_back',
  'connections_ended',
  'left_behind',
] as const

export type WarningCode = CheckCode | (typeof noteCodes)[number]

/** A request to this API that does what is recommended; nothing of it is done unasked. */
export interface ReadyRequest {
  method: 'POST' | 'PUT' | 'PATCH'
  path: string
  body: Readonly<Record<string, unknown>>
}

export interface Warning {
  code: WarningCode
  message: string
  /** What the user can do. */
  hint?: string
  request?: ReadyRequest
}

/** As a row has it: once they were plain sentences. */
export type StoredWarning = Warning | string

/** A stored warning with all its parts; a plain sentence has the code `note`. */
export const readWarning = (stored: StoredWarning): Omit<Warning, 'code'> & { code: WarningCode | 'note' } =>
  typeof stored === 'string' ? { code: 'note', message: stored } : stored

/** Whether it is true of the environment beyond the operation that found it. */
export const isCheck = ({ code }: { code: string }): boolean => checkCodes.some((check) => check === code)
