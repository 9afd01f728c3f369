import type { Failure } from '../domain/operations.ts'

/** What is wrong with one field; `field` is a path such as `build.phpVersion` or `serverIds[0]`. */
export interface FieldError {
  field: string
  message: string
}

interface Details {
  errors?: readonly FieldError[]
  /** Further members of the document, e.g. the host key that was seen (RFC 9457, section 3.2). */
  members?: Readonly<Record<string, unknown>>
  headers?: Readonly<Record<string, string>>
}

export type ProblemStatus = 400 | 401 | 403 | 404 | 405 | 409 | 410 | 413 | 415 | 422 | 429 | 500 | 503

/** An answer of kind `application/problem+json`; `code` is stable, `detail` says what the caller can do. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly status: ProblemStatus
  readonly code: string
  readonly detail: string
  readonly errors: readonly FieldError[]
  readonly members: Readonly<Record<string, unknown>>
  readonly headers: Readonly<Record<string, string>>

  constructor(status: ProblemStatus, code: string, detail: string, { errors = [], members = {}, headers = {} }: Details = {}) {
    super(`${code}: ${detail}`)
    this.status = status
    this.code = code
    this.detail = detail
    this.errors = errors
    this.members = members
    this.headers = headers
  }
}

export const unsupportedContentType = (): Problem =>
  new Problem(415, 'unsupported_content_type', 'Send JSON, with the header content-type: application/json.')

/** The thing does not exist, or belongs to another organisation: both look the same. */
export const notFound = (thing: string): Problem =>
  new Problem(404, `${thing.replaceAll(' ', '_')}_not_found`, `There is no such ${thing} in this organisation: check the id.`)

/** One field of the body is at fault. */
export const invalidField = (field: string, message: string, code = 'invalid_input'): Problem =>
  new Problem(422, code, `${field}: ${message}`, { errors: [{ field, message }] })

/** What a rule of the domain refuses, with its reason and what to do instead. */
export const refusedBy = ({ code, message, hint = '' }: Failure): Problem => new Problem(409, code, `${message} ${hint}`.trim())
