import { sql } from 'drizzle-orm'
import type { OpenAPIHono } from '@hono/zod-openapi'
import { type ApiDependencies, type ApiEnv, createRouter } from '../context.ts'
import type { ApiMetrics } from '../metrics.ts'
import { Problem } from '../problem.ts'

/** What supervisors and Prometheus ask; it needs no token and says nothing about anybody's things. */
export function processRoutes({ db, closing }: ApiDependencies, metrics: ApiMetrics): OpenAPIHono<ApiEnv> {
  const router = createRouter()

  router.get('/healthz', (c) => c.json({ status: 'ok' }))

  router.get('/readyz', async (c) => {
    if (closing.aborted) throw new Problem(503, 'closing', 'The process is about to end: ask another one.')
    await db.execute(sql`select 1`).catch((error: unknown) => {
      c.var.log.warn({ err: error }, 'the database does not answer')
      throw new Problem(503, 'database_unavailable', 'The database does not answer: see the log for the cause.')
    })
    return c.json({ status: 'ready' })
  })

  router.get('/metrics', async (c) => c.text(await metrics.text(), 200, { 'content-type': metrics.contentType }))

  return router
}
