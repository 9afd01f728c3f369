import { randomUUID } from 'node:crypto'
import { createMiddleware } from 'hono/factory'
import { routePath } from 'hono/route'
import type { ApiDependencies, ApiEnv } from './context.ts'

/** Gives every request an id, and logs it once it is answered: method, path, status, duration; never headers or bodies. */
export const requestLog = ({ log }: ApiDependencies) =>
  createMiddleware<ApiEnv>(async (c, next) => {
    const requestId = randomUUID()
    const started = performance.now()
    c.set('requestId', requestId)
    c.set('log', log.child({ requestId }))
    c.set('once', null)
    await next()
    c.header('x-request-id', requestId)
    const { method, path } = c.req
    c.var.log.info({ method, path, route: routePath(c, -1), status: c.res.status, ms: Math.round(performance.now() - started) }, 'request')
  })
