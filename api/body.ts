import { bodyLimit } from 'hono/body-limit'
import { createMiddleware } from 'hono/factory'
import { matchedRoutes } from 'hono/route'
import type { ApiEnv } from './context.ts'
import { Problem, unsupportedContentType } from './problem.ts'

const largestBodyKb = 256

/** No request needs more: variables hold at most 64 KB. */
export const limitedBody = bodyLimit({
  maxSize: largestBodyKb * 1024,
  onError: () => {
    throw new Problem(413, 'body_too_large', `The body is larger than ${largestBodyKb} KB: send less.`)
  },
})

/** Without a content type a body counts as none, and a PATCH of nothing would be answered as if something had been changed. */
export const typedBody = createMiddleware<ApiEnv>(async (c, next) => {
  const isChange = matchedRoutes(c).some(({ method }) => method === 'PATCH')
  if (isChange && !c.req.header('content-type')) throw unsupportedContentType()
  await next()
})

/** NUL, and halves of characters beyond the 65536th that stand alone: with the flag `u` pairs are one character. */
const unstorable = /\0|\p{Surrogate}/u

/** The escapes of a JSON text as the characters that they stand for. */
const unescaped = (json: string) =>
  json.replaceAll(/\\\\|\\u([0-9a-f]{4})/gi, (all, code?: string) => (code === undefined ? all : String.fromCharCode(parseInt(code, 16))))

/** Postgres stores neither of them, neither as text nor in JSON. */
export const storableBody = createMiddleware<ApiEnv>(async (c, next) => {
  if (c.req.header('content-type')?.includes('json') && unstorable.test(unescaped(await c.req.text()))) {
    throw new Problem(422, 'invalid_input', 'The body contains a NUL character or half of a surrogate pair: remove it.', {
      errors: [{ field: 'body', message: 'must not contain NUL characters or lone surrogates' }],
    })
  }
  await next()
})
