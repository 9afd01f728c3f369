import type { OpenAPIHono } from '@hono/zod-openapi'
import { requiredRole } from './authentication.ts'
import type { ApiEnv } from './context.ts'

export type ApiDocument = ReturnType<OpenAPIHono['getOpenAPI31Document']>

const description = `Send an API token with every request: \`authorization: Bearer ks_…\`. What changes a server answers 202 with an
operation: watch it at its \`location\`. Every problem is a \`application/problem+json\` with a stable \`code\`, what to do in \`detail\`,
and the fields at fault in \`errors\`. \`x-required-role\` is the least role in the organisation that a route is for. A POST that takes an
\`idempotency-key\` has one effect however often it is sent.`

/** OpenAPI 3.1 of all routes, from the schemas that validate them. */
export function apiDocument(app: OpenAPIHono<ApiEnv>): ApiDocument {
  app.openAPIRegistry.registerComponent('securitySchemes', 'token', { type: 'http', scheme: 'bearer' })
  const document = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: 'Keystone', version: '1', description: description.replaceAll('\n', ' ') },
    security: [{ token: [] }],
  })
  sayRequiredRoles(document, app)
  return document
}

const methods = ['get', 'post', 'put', 'patch', 'delete'] as const

/** `x-required-role` of an operation is what the middleware of its route lets pass. */
function sayRequiredRoles({ paths = {} }: ApiDocument, app: OpenAPIHono<ApiEnv>): void {
  const roles = new Map(
    app.routes.flatMap(({ method, path, handler }) => {
      const role = requiredRole(handler)
      return role ? [[`${method} ${path}`, role] as const] : []
    }),
  )
  for (const [path, item] of Object.entries(paths)) {
    for (const method of methods) {
      const operation = item?.[method]
      const role = roles.get(`${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`)
      if (operation && role) operation['x-required-role'] = role
    }
  }
}
