import { fileURLToPath } from 'node:url'
import { serveStatic } from '@hono/node-server/serve-static'
import type { OpenAPIHono } from '@hono/zod-openapi'
import { html } from 'hono/html'
import { secureHeaders } from 'hono/secure-headers'
import { type ApiEnv, createRouter } from '../context.ts'
import type { ApiDocument } from '../document.ts'

const swaggerUi = fileURLToPath(new URL('.', import.meta.resolve('swagger-ui-dist')))

const page = html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Keystone API</title>
    <link rel="icon" href="/docs/favicon-32x32.png">
    <link rel="stylesheet" href="/docs/swagger-ui.css">
  </head>
  <body>
    <div id="document"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/open.js"></script>
  </body>
</html>
`

/** `validatorUrl` would be a foreign host that gets the document. */
const settings = {
  url: '/openapi.json',
  dom_id: '#document',
  deepLinking: true,
  showExtensions: true,
  persistAuthorization: false,
  validatorUrl: null,
}

const open = `SwaggerUIBundle(${JSON.stringify(settings)})\n`

/** Nothing comes from another host, whatever Swagger UI might ask for. */
const onlyFromHere = secureHeaders({
  contentSecurityPolicy: { defaultSrc: ["'self'"], styleSrc: ["'self'", "'unsafe-inline'"], imgSrc: ["'self'", 'data:'] },
})

/** The OpenAPI document, and Swagger UI that shows it to people; needs no token. */
export function docsRoutes(document: ApiDocument): OpenAPIHono<ApiEnv> {
  const router = createRouter()
  router.get('/openapi.json', (c) => c.json(document))
  router.use('/docs/*', onlyFromHere)
  router.get('/docs', (c) => c.html(page))
  router.get('/docs/open.js', (c) => c.body(open, 200, { 'content-type': 'text/javascript; charset=utf-8' }))
  router.get('/docs/*', serveStatic({ root: swaggerUi, rewriteRequestPath: (path) => path.slice('/docs'.length) }))
  return router
}
