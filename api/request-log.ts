import { randomUUID } from 'node:crypto'
import { createMiddleware } from 'hono/factory'
import { routePath } from 'hono/route'
import type { ApiDependencies, ApiEnv } from './context.ts'
import type { ApiMetrics } from './metrics.ts'

/** What proxies and clients call a request, where it is fit for a log and a header. */
const givenId = /^[\w.-]{1,100}$/

/** Gives every request an id unless it comes with one in x-request-id, and logs and counts it once it is answered: method, path, status, time; never headers or bodies. */
export const requestLog = ({ log }: ApiDependencies, metrics: ApiMetrics) =>
  createMiddleware<ApiEnv>(async (c, next) => {
    const given = c.req.header('x-request-id') ?? ''
    const requestId = givenId.test(given) ? given : randomUUID()
    const started = performance.now()
    c.set('requestId', requestId)
    c.set('log', log.child({ requestId }))
    c.set('once', null)
    // Before there is an answer: one that is changed afterwards is copied, body and all.
    c.header('x-request-id', requestId)
    await next()
    const { method, path } = c.req
    const { status } = c.res
    const route = routePath(c, -1)
    const milliseconds = Math.round(performance.now() - started)
    c.var.log.info({ method, path, route, status, milliseconds }, 'request')
    metrics.observe({ method, route, status, seconds: milliseconds / 1000 })
  })
