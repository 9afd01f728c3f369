/** Why a provider did not do what it was asked; decided by its codes, status codes and the network's errors, never by its words. */
export type ProviderErrorCode =
  | 'unreachable'
  | 'authentication_failed'
  | 'token_read_only'
  | 'access_denied'
  | 'limit_reached'
  | 'not_available'
  | 'not_offered'
  | 'name_taken'
  | 'network_elsewhere'
  | 'protected'
  | 'busy'
  | 'rate_limited'
  | 'unavailable'
  | 'invalid_input'
  | 'machine_failed'
  | 'machine_not_running'
  | 'not_found'
  | 'protocol_error'

/** The input to look at, as the API calls it. */
export type ProviderField = 'token' | 'name' | 'location' | 'type' | 'image' | 'privateNetwork'

const fields: Readonly<Partial<Record<ProviderErrorCode, ProviderField>>> = {
  authentication_failed: 'token',
  token_read_only: 'token',
  access_denied: 'token',
  not_available: 'type',
  not_offered: 'type',
  name_taken: 'name',
  network_elsewhere: 'privateNetwork',
}

const retryableCodes: ReadonlySet<ProviderErrorCode> = new Set(['unreachable', 'busy', 'rate_limited', 'unavailable'])

interface Details {
  cause?: unknown
  field?: ProviderField | undefined
  retryAfterSeconds?: number | null
}

/** The message names the provider and says what to do; `retryable`: the same call may do better later. */
export class ProviderError extends Error {
  override readonly name = 'ProviderError'
  readonly code: ProviderErrorCode
  /** Null where no input is at fault. */
  readonly field: ProviderField | null
  readonly retryable: boolean
  /** How long the provider wants to be left alone; null where it does not say. */
  readonly retryAfterSeconds: number | null

  constructor(code: ProviderErrorCode, message: string, { cause, field, retryAfterSeconds = null }: Details = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.field = field ?? fields[code] ?? null
    this.retryable = retryableCodes.has(code)
    this.retryAfterSeconds = retryAfterSeconds
  }
}
