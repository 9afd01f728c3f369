import { createRoute, z } from '@hono/zod-openapi'
import type { Database } from '../../db/connect.ts'
import { givenHostKeyOf } from '../../db/machines.ts'
import { requestOperation } from '../../db/operations/request.ts'
import { adoptAgain, insertServer, pinHostKey, renameServer, type Server, serversOf } from '../../db/servers.ts'
import { serverLocks } from '../../domain/locks.ts'
import { generateDeployKey } from '../../drivers/sources/deploy-key.ts'
import { keyFingerprint } from '../../drivers/sources/known-hosts.ts'
import { requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiContext, type ApiDependencies, createRouter } from '../context.ts'
import { serverIn } from '../in-organisation.ts'
import { accepted, acceptedWith, requestedBy } from '../operation-request.ts'
import { Problem } from '../problem.ts'
import { body, json, onceHeaders, optionalBody, pageOf, pageQuery, presented } from '../schemas/content.ts'
import { operationSchema } from '../schemas/operation.ts'
import { inOrganisation, oneServer } from '../schemas/params.ts'
import { readProblems, writeProblems } from '../schemas/problem.ts'
import { acceptHostKeySchema, firstLoginOf, newServerSchema, presentServer, provisionSchema, serverChangeSchema, serverSchema } from '../schemas/server.ts'

const path = '/organisations/{organisationId}/servers'
const tags = ['Servers']

const adopt = createRoute({
  method: 'post',
  path,
  tags,
  summary: 'Adopt a server by its address and make it ready',
  description:
    'Without hostKey or hostKeyFingerprint the answer is 409 host_key_unconfirmed with the key that was seen: compare it, and send it back.',
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

const rename = createRoute({
  method: 'patch',
  path: `${path}/{serverId}`,
  tags,
  summary: 'Call a server otherwise',
  description: 'Problems: already_taken; server_has_no_machine for one that is yet to be bought, since its machine is found by its name.',
  middleware: requires('admin'),
  request: { params: oneServer, body: body(serverChangeSchema) },
  responses: { 200: json('The server', serverSchema), ...writeProblems },
})

const provision = createRoute({
  method: 'post',
  path: `${path}/{serverId}/provision`,
  tags,
  summary: 'Make a server ready again',
  middleware: requires('admin'),
  request: { params: oneServer, headers: onceHeaders, body: optionalBody(provisionSchema) },
  responses: { 202: json('The operation', operationSchema), ...writeProblems },
})

const acceptHostKey = createRoute({
  method: 'post',
  path: `${path}/{serverId}/accept-host-key`,
  tags,
  summary: 'Confirm a host key that has changed',
  description: 'The server is asked for its key: only what it shows with this fingerprint is pinned in the place of the one before.',
  middleware: requires('admin'),
  request: { params: oneServer, headers: onceHeaders, body: body(acceptHostKeySchema) },
  responses: { 200: json('The server', serverSchema), ...writeProblems },
})

export function serverRoutes(deps: ApiDependencies) {
  const { db, keyring } = deps
  return createRouter()
    .openapi(adopt, async (c) => {
      const { firstLogin, hostKey: confirmed, hostKeyFingerprint, ...wished } = c.req.valid('json')
      const hostKey = confirmed ?? (await seenHostKey(deps, wished, { fingerprint: hostKeyFingerprint, field: 'hostKey' }))
      const managementKey = generateDeployKey(`keystone ${wished.name}`)
      const { body: created, status, headers } = await commit(deps, c, async (tx) => {
        const server = await insertServer(tx, keyring, {
          ...wished,
          ...{ organisationId: c.var.organisation.id, hostKey, managementKey, firstLogin: firstLoginOf(firstLogin) },
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

    .openapi(list, async (c) => {
      return c.json(presented(await serversOf(db, c.var.organisation.id, c.req.valid('query')), presentServer), 200)
    })

    .openapi(read, async (c) => {
      const { serverId } = c.req.valid('param')
      return c.json(presentServer(await serverIn(deps, c, serverId)), 200)
    })

    .openapi(rename, async (c) => {
      const server = await serverIn(deps, c, c.req.valid('param').serverId)
      const { name } = c.req.valid('json')
      const { body: changed, status, headers } = await commit(deps, c, async (tx) => {
        if ((await givenHostKeyOf(tx, server.id)) !== null) throw withoutMachine(server)
        await renameServer(tx, server.id, name)
        return {
          ...{ status: 200, body: presentServer(await serverIn({ db: tx }, c, server.id)) },
          event: { action: 'server.changed', targetType: 'server', targetId: server.id, details: { name, before: server.name } },
        }
      })
      return c.json(changed, status, headers)
    })

    .openapi(provision, async (c) => {
      const { serverId } = c.req.valid('param')
      const { firstLogin } = c.req.valid('json')
      const server = await serverIn(deps, c, serverId)
      const { body: operation, status, headers } = await commit(deps, c, async (tx) => {
        if (firstLogin) {
          if ((await givenHostKeyOf(tx, serverId)) !== null) throw letsKeystoneIn(server)
          await adoptAgain(tx, keyring, server, firstLoginOf(firstLogin))
        }
        const requested = await requestProvision(tx, c, server)
        return {
          ...accepted(deps, requested),
          event: { action: 'server.provision_requested', targetType: 'server', targetId: serverId, details: { name: server.name } },
        }
      })
      return c.json(operation, status, headers)
    })

    .openapi(acceptHostKey, async (c) => {
      const { serverId } = c.req.valid('param')
      const { fingerprint } = c.req.valid('json')
      const server = await serverIn(deps, c, serverId)
      const { name, address, sshPort } = server
      if (address === null) throw withoutMachine(server)
      const hostKey = await seenHostKey(deps, { address, sshPort }, { fingerprint, field: 'fingerprint' })
      const { body: pinned, status, headers } = await commit(deps, c, async (tx) => {
        await pinHostKey(tx, serverId, hostKey)
        return {
          ...{ status: 200, body: presentServer(await serverIn({ db: tx }, c, serverId)) },
          event: {
            ...{ action: 'server.host_key_accepted', targetType: 'server', targetId: serverId },
            details: { name, fingerprint, before: server.hostKey === null ? null : keyFingerprint(server.hostKey) },
          },
        }
      })
      return c.json(pinned, status, headers)
    })
}

const withoutMachine = ({ name }: Server): Problem =>
  new Problem(409, 'server_has_no_machine', `${name} has no machine of its own yet: provision it first.`)

const letsKeystoneIn = ({ name }: Server): Problem =>
  new Problem(422, 'login_not_needed', `Keystone lets itself in to ${name}, which it buys: provision it without a firstLogin.`, {
    errors: [{ field: 'firstLogin', message: 'is not needed' }],
  })

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

interface Confirmation {
  /** What a person has said that it is. */
  fingerprint: string | undefined
  /** Of the request. */
  field: string
}

/** A key is pinned only when a person has seen it. Throws a 409 with what the server shows where that is not what was confirmed. */
async function seenHostKey(
  { probeHostKey }: ApiDependencies,
  { address, sshPort }: { address: string; sshPort: number },
  { fingerprint: confirmed, field }: Confirmation,
): Promise<string> {
  const hostKey = await probeHostKey({ address, port: sshPort })
  const fingerprint = keyFingerprint(hostKey)
  if (fingerprint === confirmed) return hostKey
  const [code, what, todo] = confirmed
    ? ['host_key_mismatch', `not ${confirmed}`, 'Do not go on before you know whose it is.']
    : ['host_key_unconfirmed', 'which nobody has confirmed', "Compare it with the server's own, and send it back as hostKey."]
  throw new Problem(409, code, `${address} shows the host key ${fingerprint}, ${what}. ${todo}`, {
    errors: [{ field, message: confirmed ? 'is another than what the server shows' : 'is to be confirmed' }],
    members: { hostKey, fingerprint },
  })
}
