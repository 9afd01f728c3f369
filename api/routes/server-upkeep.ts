import { createRoute } from '@hono/zod-openapi'
import { requestOperation } from '../../db/operations/request.ts'
import type { Server } from '../../db/servers.ts'
import { serverLocks } from '../../domain/locks.ts'
import { readinessRefusal } from '../../domain/servers.ts'
import { requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiContext, type ApiDependencies, createRouter } from '../context.ts'
import { serverIn } from '../in-organisation.ts'
import { accepted, requestedBy } from '../operation-request.ts'
import { refusedBy } from '../removal.ts'
import { json, onceHeaders } from '../schemas/content.ts'
import { operationSchema } from '../schemas/operation.ts'
import { oneServer } from '../schemas/params.ts'
import { writeProblems } from '../schemas/problem.ts'

const path = '/organisations/{organisationId}/servers/{serverId}'
const tags = ['Servers']
const answers = { 202: json('The operation', operationSchema), ...writeProblems }

const harden = createRoute({
  method: 'post',
  path: `${path}/harden`,
  tags,
  summary: "Bring a server to today's rules; its containers run on",
  description:
    'Packages, settings of Docker, fail2ban, security updates, firewall and the ways in, as for a new server, and proven as there. ' +
    'What is so already stays. Problems: server_not_ready for one that has not been made ready.',
  middleware: requires('admin'),
  request: { params: oneServer, headers: onceHeaders },
  responses: answers,
})

const rotateKey = createRoute({
  method: 'post',
  path: `${path}/rotate-key`,
  tags,
  summary: 'Give Keystone another key to a server',
  description:
    'The next key is let in and proven, and then the one before shut out; one of them always lets Keystone in. One that was interrupted ' +
    'goes on when it is requested again. Problems: server_not_ready for a server that has not been made ready.',
  middleware: requires('admin'),
  request: { params: oneServer, headers: onceHeaders },
  responses: answers,
})

export function serverUpkeepRoutes(deps: ApiDependencies) {
  return createRouter()
    .openapi(harden, async (c) => {
      const server = await serverIn(deps, c, c.req.valid('param').serverId)
      const { body, status, headers } = await requestUpkeep(deps, c, server, { kind: 'server_harden', action: 'harden', summary: `harden ${server.name}` })
      return c.json(body, status, headers)
    })

    .openapi(rotateKey, async (c) => {
      const server = await serverIn(deps, c, c.req.valid('param').serverId)
      const wish = { kind: 'server_key_rotation', action: 'key_rotation', summary: `rotate the key of ${server.name}` } as const
      const { body, status, headers } = await requestUpkeep(deps, c, server, wish)
      return c.json(body, status, headers)
    })
}

interface Upkeep {
  kind: 'server_harden' | 'server_key_rotation'
  /** In the audit: `server.<action>_requested`. */
  action: string
  summary: string
}

/** Throws a 409 where Keystone cannot log in there yet. */
async function requestUpkeep(deps: ApiDependencies, c: ApiContext, server: Server, { kind, action, summary }: Upkeep) {
  const { id, name } = server
  const refusal = readinessRefusal(server)
  if (refusal) throw refusedBy(refusal)
  return commit(deps, c, async (tx) => {
    const operation = await requestOperation(tx, { ...requestedBy(c), kind, targetType: 'server', targetId: id, summary, locks: serverLocks(id) })
    return { ...accepted(deps, operation), event: { action: `server.${action}_requested`, targetType: 'server', targetId: id, details: { name } } }
  })
}
