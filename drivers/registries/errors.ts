/** Why a registry did not do what it was asked; decided by its status codes and the network's errors, never by its words. */
export type RegistryErrorCode =
  | 'invalid_image_reference'
  | 'unreachable'
  | 'tls_refused'
  | 'authentication_failed'
  | 'access_denied'
  | 'image_not_found'
  | 'rate_limited'
  | 'unavailable'
  | 'protocol_error'

/** The input to look at. */
const fields = {
  invalid_image_reference: 'image',
  unreachable: 'url',
  tls_refused: 'url',
  authentication_failed: 'password',
  access_denied: 'namespace',
  image_not_found: 'image',
  rate_limited: 'url',
  unavailable: 'url',
  protocol_error: 'url',
} as const satisfies Record<RegistryErrorCode, string>

const retryableCodes: ReadonlySet<RegistryErrorCode> = new Set(['unreachable', 'rate_limited', 'unavailable'])

interface Details {
  cause?: unknown
  retryAfterSeconds?: number | null
}

/** The message names the registry and says what to do; `retryable`: the same call may do better later. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError'
  readonly code: RegistryErrorCode
  readonly field: (typeof fields)[RegistryErrorCode]
  readonly retryable: boolean
  /** How long the registry wants to be left alone; null where it does not say. */
  readonly retryAfterSeconds: number | null

  constructor(code: RegistryErrorCode, message: string, { cause, retryAfterSeconds = null }: Details = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.field = fields[code]
    this.retryable = retryableCodes.has(code)
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** An answer that no registry gives. */
export const noRegistry = (host: string, status: number): RegistryError =>
  new RegistryError('protocol_error', `${host} answers ${status} to the registry API: check that the address is that of an image registry`)
