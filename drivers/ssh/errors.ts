/** What went wrong between Keystone and a server; a script's own non-zero exit is a result and never one of these. */
export type SshErrorCode =
  | 'host_key_unknown'
  | 'host_key_changed'
  | 'authentication_failed'
  | 'password_refused'
  | 'handshake_failed'
  | 'unreachable'
  | 'connection_lost'
  | 'channel_refused'
  | 'timeout'
  | 'launch_failed'
  | 'busy'
  | 'server_stopping'
  | 'step_vanished'
  | 'invalid_input'

const retryableCodes: ReadonlySet<SshErrorCode> = new Set([
  'unreachable',
  'connection_lost',
  'channel_refused',
  'timeout',
  'busy',
  'server_stopping',
  'step_vanished',
])

interface Details {
  cause?: unknown
  /** The key line that the server showed, with the two host key codes. */
  seenHostKey?: string
}

/** `server` is the name people know it by; `retryable` says whether the same call may do better later. */
export class SshError extends Error {
  override readonly name = 'SshError'
  readonly code: SshErrorCode
  readonly server: string
  readonly retryable: boolean
  readonly seenHostKey: string | null

  constructor(code: SshErrorCode, server: string, message: string, { cause, seenHostKey }: Details = {}) {
    super(`${server}: ${message}`, cause === undefined ? undefined : { cause })
    this.code = code
    this.server = server
    this.retryable = retryableCodes.has(code)
    this.seenHostKey = seenHostKey ?? null
  }
}

export function connectionLost(server: string): SshError {
  return new SshError('connection_lost', server, 'the SSH connection broke off; what runs there goes on')
}
