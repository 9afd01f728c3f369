import type { OpenAPIHono } from '@hono/zod-openapi'
import type { ApiEnv } from './context.ts'

export type ApiDocument = ReturnType<OpenAPIHono['getOpenAPI31Document']>

const description = `Send an API token with every request: \`authorization: Bearer ks_…\`. What changes a server answers 202 with an
operation: watch it at its \`location\`. Every problem is a \`application/problem+json\` with a stable \`code\`, what to do in \`detail\`,
and the fields at fault in \`errors\`. A POST with an \`idempotency-key\` has one effect however often it is sent.`

/** OpenAPI 3.1 of all routes, from the schemas that validate them. */
export function apiDocument(app: OpenAPIHono<ApiEnv>): ApiDocument {
  app.openAPIRegistry.registerComponent('securitySchemes', 'token', { type: 'http', scheme: 'bearer' })
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: 'Keystone', version: '1', description: description.replaceAll('\n', ' ') },
    security: [{ token: [] }],
  })
}
