/** Why a repository cannot be read; decided by SSH's stages and git's protocol, never by text that a git host prints. */
export type SourceErrorCode =
  | 'invalid_repository_url'
  | 'unreachable'
  | 'host_key_unknown'
  | 'host_key_changed'
  | 'access_denied'
  | 'repository_not_found'
  | 'branch_not_found'
  | 'protocol_error'

interface Details {
  cause?: unknown
  /** The key line that the git host showed, with the two host key codes. */
  seenHostKey?: string
}

/** `field` is the input to look at; the message says what to do. */
export class SourceError extends Error {
  override readonly name = 'SourceError'
  readonly code: SourceErrorCode
  readonly field: 'repositoryUrl' | 'branch'
  readonly retryable: boolean
  readonly seenHostKey: string | null

  constructor(code: SourceErrorCode, message: string, { cause, seenHostKey }: Details = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.field = code === 'branch_not_found' ? 'branch' : 'repositoryUrl'
    this.retryable = code === 'unreachable' || code === 'protocol_error'
    this.seenHostKey = seenHostKey ?? null
  }
}
