import { createRoute } from '@hono/zod-openapi'
import { locksOfReboot } from '../../db/operation-locks.ts'
import { requestOperation } from '../../db/operations/request.ts'
import { servedAlone } from '../../db/reboots.ts'
import { awayDuringReboot } from '../../domain/reboots.ts'
import { requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { serverIn } from '../in-organisation.ts'
import { accepted, requestedBy } from '../operation-request.ts'
import { invalidField, Problem } from '../problem.ts'
import { json, onceHeaders, optionalBody } from '../schemas/content.ts'
import { operationSchema } from '../schemas/operation.ts'
import { oneServer } from '../schemas/params.ts'
import { writeProblems } from '../schemas/problem.ts'
import { newRebootSchema } from '../schemas/server.ts'

const reboot = createRoute({
  method: 'post',
  path: '/organisations/{organisationId}/servers/{serverId}/reboot',
  tags: ['Servers'],
  summary: 'Restart a server while others serve its users',
  description:
    'Gateways send it no new requests, those under way are waited for, it restarts and is proven, and the gateways use it again. No ' +
    'environment that has anything on it is deployed meanwhile. Problems: acknowledgement_required names what this server alone serves; ' +
    'server_not_ready.',
  middleware: requires('admin'),
  request: { params: oneServer, headers: onceHeaders, body: optionalBody(newRebootSchema) },
  responses: { 202: json('The operation', operationSchema), ...writeProblems },
})

export function serverRebootRoutes(deps: ApiDependencies) {
  return createRouter()
    .openapi(reboot, async (c) => {
      const { serverId } = c.req.valid('param')
      const { acknowledgeDowntime = false } = c.req.valid('json')
      const { name, status: state } = await serverIn(deps, c, serverId)
      if (state !== 'active' && state !== 'unreachable') throw new Problem(409, 'server_not_ready', `${name} is not ready: provision it first.`)
      const { body: operation, status, headers } = await commit(deps, c, async (tx) => {
        const away = awayDuringReboot(name, await servedAlone(tx, serverId))
        if (away !== null && !acknowledgeDowntime) {
          throw invalidField('acknowledgeDowntime', `${away}: set it to true to accept that`, 'acknowledgement_required')
        }
        const requested = await requestOperation(tx, {
          ...requestedBy(c),
          ...{ kind: 'server_reboot', targetType: 'server', targetId: serverId, summary: `reboot ${name}` },
          locks: await locksOfReboot(tx, serverId),
          input: { acknowledgeDowntime },
        })
        return {
          ...accepted(deps, requested),
          event: { action: 'server.reboot_requested', targetType: 'server', targetId: serverId, details: { name, acknowledgeDowntime } },
        }
      })
      return c.json(operation, status, headers)
    })
}
