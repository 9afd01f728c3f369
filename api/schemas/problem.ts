import { z } from '@hono/zod-openapi'

export const problemSchema = z
  .looseObject({
    type: z.string().openapi({ example: 'about:blank' }),
    title: z.string(),
    status: z.int(),
    detail: z.string().openapi({ description: 'What is wrong and what to do.' }),
    code: z.string().openapi({ description: 'Stable, for programs.', example: 'invalid_input' }),
    errors: z.array(z.object({ field: z.string(), message: z.string() })),
  })
  .openapi('Problem')

const problem = (description: string) => ({ description, content: { 'application/problem+json': { schema: problemSchema } } })

/** Problems of every route below an organisation. */
export const readProblems = {
  401: problem('No valid token'),
  403: problem('The role does not allow it'),
  404: problem('There is no such thing in the organisation'),
  422: problem('Invalid input, naming the fields'),
  500: problem('Keystone failed; its log has the cause under the x-request-id'),
} as const

/** Problems of a route that shows what the present state may not allow. */
export const refusableProblems = { ...readProblems, 409: problem('Conflict with the present state') } as const

/** Problems of a route that asks the DNS. */
export const dnsProblems = { ...readProblems, 503: problem('No DNS server answers') } as const

/** Problems of a route that goes on behind a cursor of logs. */
export const logProblems = { ...readProblems, 410: problem('The cursor is of a later state of Keystone than this: read from the beginning') } as const

/** Problems of a route that goes on telling. */
export const watchProblems = { ...logProblems, 503: problem('Too many watch already; the header retry-after says when to come again') } as const

/** Problems of a route that only so many may read at once. */
export const viewerProblems = { ...readProblems, 429: problem('Too many read at once; the header retry-after says when to try again') } as const

/** Problems of a route that needs no token. */
export const loginProblems = {
  400: problem('Malformed request'),
  401: problem('E-mail or password is wrong, or the invitation does not open'),
  409: problem('Conflict with the present state'),
  413: problem('Request too large'),
  415: problem('Unsupported content type'),
  422: problem('Invalid input, naming the fields'),
  429: problem('Too many attempts; the header retry-after says when to try again'),
  500: problem('Keystone failed; its log has the cause under the x-request-id'),
} as const

/** Problems of a route that changes an account. */
export const accountProblems = {
  ...loginProblems,
  401: problem('No valid token'),
  403: problem('The token is of one organisation or has scopes'),
  404: problem('There is no such thing'),
} as const

/** Problems of a route that changes something. */
export const writeProblems = {
  ...readProblems,
  400: problem('Malformed request'),
  409: problem('Conflict with the present state'),
  413: problem('Request too large'),
  415: problem('Unsupported content type'),
} as const
