import { randomUUID } from 'node:crypto'
import { createMiddleware } from 'hono/factory'
import { routePath } from 'hono/route'
import type { ApiDependencies, ApiEnv } from './context.ts'
import type { ApiMetrics } from './metrics.ts'

/** Gives every request an id, and logs and counts it once it is answered: method, path, status, time; never headers or bodies. */
export const requestLog = ({ log }: ApiDependencies, metrics: ApiMetrics) =>
  createMiddleware<ApiEnv>(async (c, next) => {
    const requestId = randomUUID()
    const started = performance.now()
    c.set('requestId', requestId)
    c.set('log', log.child({ requestId }))
    c.set('once', null)
    await next()
    c.header('x-request-id', requestId)
    const { method, path } = c.req
    const { status } = c.res
    const route = routePath(c, -1)
    const milliseconds = Math.round(performance.now() - started)
    c.var.log.info({ method, path, route, status, milliseconds }, 'request')
    metrics.observe({ method, route, status, seconds: milliseconds / 1000 })
  })
