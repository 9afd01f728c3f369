import { createRoute } from '@hono/zod-openapi'
import { usesOfServer } from '../../db/server-removals.ts'
import { serverLocks } from '../../domain/locks.ts'
import { serverRefusal } from '../../domain/removals.ts'
import { requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { serverToRemove } from '../in-organisation.ts'
import { refusedBy, requestRemoval, requireConfirmed } from '../removal.ts'
import { json } from '../schemas/content.ts'
import { confirmation } from '../schemas/kept.ts'
import { operationSchema } from '../schemas/operation.ts'
import { oneServer } from '../schemas/params.ts'
import { writeProblems } from '../schemas/problem.ts'

const remove = createRoute({
  method: 'delete',
  path: '/organisations/{organisationId}/servers/{serverId}',
  tags: ['Servers'],
  summary: 'Remove a server that nothing is on; one that was bought is removed at its provider, for good',
  description: 'Problems: server_in_use names its services and kept volumes; confirmation_required for one that was bought, where `confirm` is not its name.',
  middleware: requires('admin'),
  request: { params: oneServer, query: confirmation },
  responses: { 202: json('The operation', operationSchema), ...writeProblems },
})

export function serverRemovalRoutes(deps: ApiDependencies) {
  return createRouter()
    .openapi(remove, async (c) => {
      const { id, name, providerId } = await serverToRemove(deps, c, c.req.valid('param').serverId)
      const { body: operation, status, headers } = await commit(deps, c, async (tx) => {
        const refusal = serverRefusal(name, await usesOfServer(tx, id))
        if (refusal) throw refusedBy(refusal)
        if (providerId !== null) requireConfirmed(c.req.valid('query').confirm, name)
        const target = { kind: 'server_remove', targetType: 'server', targetId: id, name } as const
        return requestRemoval(deps, tx, c, { ...target, locks: serverLocks(id) })
      })
      return c.json(operation, status, headers)
    })
}
