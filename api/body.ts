import { bodyLimit } from 'hono/body-limit'
import { createMiddleware } from 'hono/factory'
import type { ApiEnv } from './context.ts'
import { Problem } from './problem.ts'

const largestBodyKb = 256

/** No request needs more: variables hold at most 64 KB. */
export const limitedBody = bodyLimit({
  maxSize: largestBodyKb * 1024,
  onError: () => {
    throw new Problem(413, 'body_too_large', `The body is larger than ${largestBodyKb} KB: send less.`)
  },
})

/** `\\u0000` within a JSON text, with an even number of backslashes before it. */
const nul = /(?<!\\)(?:\\\\)*\\u0000/

/** Postgres stores no NUL characters, neither as text nor in JSON. */
export const withoutNul = createMiddleware<ApiEnv>(async (c, next) => {
  if (c.req.header('content-type')?.includes('json') && nul.test(await c.req.text())) {
    throw new Problem(422, 'invalid_input', 'The body contains a NUL character: remove it.', {
      errors: [{ field: 'body', message: 'must not contain NUL characters' }],
    })
  }
  await next()
})
