import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Database } from '../../db/connect.ts'
import { requestOperation } from '../../db/operations/request.ts'
import { insertServer, type Server, serversOf } from '../../db/servers.ts'
import { serverLocks } from '../../domain/locks.ts'
import { Secret } from '../../domain/secret.ts'
import { generateDeployKey } from '../../drivers/sources/deploy-key.ts'
import { keyFingerprint } from '../../drivers/sources/known-hosts.ts'
import { requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiContext, type ApiDependencies, type ApiEnv, createRouter } from '../context.ts'
import { serverIn } from '../in-organisation.ts'
import { accepted, acceptedWith, requestedBy } from '../operation-request.ts'
import { Problem } from '../problem.ts'
import { body, json, onceHeaders, pageOf, pageQuery, presented } from '../schemas/content.ts'
import { operationSchema } from '../schemas/operation.ts'
import { inOrganisation, oneServer } from '../schemas/params.ts'
import { readProblems, writeProblems } from '../schemas/problem.ts'
import { newServerSchema, presentServer, serverSchema } from '../schemas/server.ts'

const path = '/organisations/{organisationId}/servers'
const tags = ['Servers']

const adopt = createRoute({
  method: 'post',
  path,
  tags,
  summary: 'Adopt a server by its address and make it ready',
  description: 'Without hostKey the answer is 409 host_key_unconfirmed with the key that was seen: compare it, and send it back.',
  middleware: requires('admin'),
  request: { params: inOrganisation, headers: onceHeaders, body: body(newServerSchema) },
  responses: {
    202: json(
      'The server, and the operation that makes it ready',
      z.object({ server: serverSchema, operation: operationSchema }),
    ),
    ...writeProblems,
  },
})

const list = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'Servers',
  middleware: requires('viewer'),
  request: { params: inOrganisation, query: pageQuery },
  responses: { 200: json('A page of servers', pageOf(serverSchema)), ...readProblems },
})

const read = createRoute({
  method: 'get',
  path: `${path}/{serverId}`,
  tags,
  summary: 'One server',
  middleware: requires('viewer'),
  request: { params: oneServer },
  responses: { 200: json('The server', serverSchema), ...readProblems },
})

const provision = createRoute({
  method: 'post',
  path: `${path}/{serverId}/provision`,
  tags,
  summary: 'Make a server ready again',
  middleware: requires('admin'),
  request: { params: oneServer, headers: onceHeaders },
  responses: { 202: json('The operation', operationSchema), ...writeProblems },
})

export function serverRoutes(deps: ApiDependencies): OpenAPIHono<ApiEnv> {
  const { db, keyring } = deps
  const router = createRouter()

  router.openapi(adopt, async (c) => {
    const { rootPrivateKey, hostKey, ...wished } = c.req.valid('json')
    if (!hostKey) throw await unconfirmed(deps, wished)
    const managementKey = generateDeployKey(`keystone ${wished.name}`)
    const { body: created, status, headers } = await commit(deps, c, async (tx) => {
      const server = await insertServer(tx, keyring, {
        ...wished,
        ...{ organisationId: c.var.organisation.id, hostKey, managementKey, rootPrivateKey: new Secret(rootPrivateKey) },
      })
      const operation = await requestProvision(tx, c, server)
      return {
        ...acceptedWith(deps, operation, { server: presentServer(server) }),
        event: {
          ...{ action: 'server.adopted', targetType: 'server', targetId: server.id },
          details: { name: server.name, address: server.address },
        },
      }
    })
    return c.json(created, status, headers)
  })

  router.openapi(list, async (c) => {
    return c.json(presented(await serversOf(db, c.var.organisation.id, c.req.valid('query')), presentServer), 200)
  })

  router.openapi(read, async (c) => {
    const { serverId } = c.req.valid('param')
    return c.json(presentServer(await serverIn(deps, c, serverId)), 200)
  })

  router.openapi(provision, async (c) => {
    const { serverId } = c.req.valid('param')
    const server = await serverIn(deps, c, serverId)
    const { body: operation, status, headers } = await commit(deps, c, async (tx) => {
      const requested = await requestProvision(tx, c, server)
      return {
        ...accepted(deps, requested),
        event: { action: 'server.provision_requested', targetType: 'server', targetId: serverId, details: { name: server.name } },
      }
    })
    return c.json(operation, status, headers)
  })

  return router
}

function requestProvision(tx: Database, c: ApiContext, { id, name }: Server) {
  return requestOperation(tx, {
    ...requestedBy(c),
    kind: 'server_provision',
    targetType: 'server',
    targetId: id,
    summary: `provision ${name}`,
    locks: serverLocks(id),
  })
}

/** A key is pinned only when a person has seen it. */
async function unconfirmed(
  { probeHostKey }: ApiDependencies,
  { address, sshPort }: { address: string; sshPort: number },
): Promise<Problem> {
  const hostKey = await probeHostKey({ address, port: sshPort })
  const fingerprint = keyFingerprint(hostKey)
  const detail = `${address} shows the host key ${fingerprint}. Compare it with the server's own, and send it back as hostKey.`
  return new Problem(409, 'host_key_unconfirmed', detail, {
    errors: [{ field: 'hostKey', message: 'is to be confirmed' }],
    members: { hostKey, fingerprint },
  })
}
