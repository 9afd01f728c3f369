/** Why a delivery is refused; `status` is the HTTP status that says so to the git host. */
export type WebhookErrorCode = keyof typeof statuses

const statuses = {
  unknown_form: 400,
  unreadable_payload: 400,
  signature_missing: 401,
  signature_invalid: 401,
  unsupported_content_type: 415,
  invalid_payload: 422,
} as const

/** The message says what to do at the git host. */
export class WebhookError extends Error {
  override readonly name = 'WebhookError'
  readonly code: WebhookErrorCode
  readonly status: (typeof statuses)[WebhookErrorCode]

  constructor(code: WebhookErrorCode, message: string) {
    super(message)
    this.code = code
    this.status = statuses[code]
  }
}
