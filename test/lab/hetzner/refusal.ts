/** An answer that is an error of the API. */
export class Refusal extends Error {
  readonly status: number
  readonly code: string
  readonly details: object | null

  constructor(status: number, code: string, message: string, details: object | null = null) {
    super(message)
    this.status = status
    this.code = code
    this.details = details
  }
}

export const notFound = (what: string) => new Refusal(404, 'not_found', `${what} not found`)

export const invalid = (field: string, message: string) =>
  new Refusal(422, 'invalid_input', `invalid input in field '${field}'`, { fields: [{ name: field, messages: [message] }] })

export const taken = (field: string) => new Refusal(409, 'uniqueness_error', `${field} is already used`, { fields: [{ name: field }] })
