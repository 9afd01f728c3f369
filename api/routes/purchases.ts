import { createRoute, z } from '@hono/zod-openapi'
import { insertPurchase } from '../../db/machines.ts'
import { requestOperation } from '../../db/operations/request.ts'
import { providerAccess } from '../../db/providers.ts'
import { serverLocks } from '../../domain/locks.ts'
import { generateHostKey } from '../../drivers/providers/first-boot.ts'
import { generateDeployKey } from '../../drivers/sources/deploy-key.ts'
import { requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { providerIn, serverIn } from '../in-organisation.ts'
import { acceptedWith, requestedBy } from '../operation-request.ts'
import { refuseUnoffered } from '../purchase.ts'
import { body, json, onceHeaders } from '../schemas/content.ts'
import { operationSchema } from '../schemas/operation.ts'
import { oneProvider } from '../schemas/params.ts'
import { writeProblems } from '../schemas/problem.ts'
import { newPurchaseSchema } from '../schemas/provider.ts'
import { presentServer, serverSchema } from '../schemas/server.ts'

const buy = createRoute({
  method: 'post',
  path: '/organisations/{organisationId}/providers/{providerId}/servers',
  tags: ['Servers'],
  summary: 'Buy a server of the catalogue and make it ready; the provider charges for it from then on',
  description: 'One that fails on the way is used by the next `provision`, or removed with the server; nothing is bought twice.',
  middleware: requires('admin'),
  request: { params: oneProvider, headers: onceHeaders, body: body(newPurchaseSchema) },
  responses: {
    202: json('The server, and the operation that makes it ready', z.object({ server: serverSchema, operation: operationSchema })),
    ...writeProblems,
  },
})

export function purchaseRoutes(deps: ApiDependencies) {
  const { db, keyring, providers } = deps
  return createRouter()
    .openapi(buy, async (c) => {
      const provider = await providerIn(deps, c, c.req.valid('param').providerId)
      const { name, privateNetwork: network, ...choice } = c.req.valid('json')
      const { type, access } = await providerAccess(db, keyring, provider.id)
      refuseUnoffered(await providers[type].catalogue(access), choice)
      const keys = {
        managementKey: generateDeployKey(`keystone ${name}`),
        loginKey: generateDeployKey(`keystone ${name} first login`),
        givenHostKey: generateHostKey(),
      }
      const { body: created, status, headers } = await commit(deps, c, async (tx) => {
        const purchase = { organisationId: c.var.organisation.id, providerId: provider.id, name, network, ...choice, ...keys }
        const id = await insertPurchase(tx, keyring, purchase)
        const operation = await requestOperation(tx, {
          ...requestedBy(c),
          ...{ kind: 'server_provision', targetType: 'server', targetId: id, summary: `provision ${name}`, locks: serverLocks(id) },
        })
        return {
          ...acceptedWith(deps, operation, { server: presentServer(await serverIn({ db: tx }, c, id)) }),
          event: { action: 'server.purchase_requested', targetType: 'server', targetId: id, details: { name, provider: provider.name, ...choice } },
        }
      })
      return c.json(created, status, headers)
    })
}
