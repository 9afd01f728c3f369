import { createRoute } from '@hono/zod-openapi'
import { keptSlicesOf, keptVolumesOf } from '../../db/kept-volumes.ts'
import { locksOfVolume } from '../../db/operation-locks.ts'
import { requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { keptVolumeIn } from '../in-organisation.ts'
import { requestRemoval, requireConfirmed } from '../removal.ts'
import { json, pageOf, pageQuery, presented } from '../schemas/content.ts'
import { confirmation, keptSliceSchema, keptVolumeSchema, presentKeptSlice, presentKeptVolume } from '../schemas/kept.ts'
import { operationSchema } from '../schemas/operation.ts'
import { inOrganisation, oneVolume } from '../schemas/params.ts'
import { readProblems, writeProblems } from '../schemas/problem.ts'

const path = '/organisations/{organisationId}'
const tags = ['Kept data']

const listVolumes = createRoute({
  method: 'get',
  path: `${path}/kept-volumes`,
  tags,
  summary: 'Volumes that removed services and environments have left on their servers',
  middleware: requires('viewer'),
  request: { params: inOrganisation, query: pageQuery },
  responses: { 200: json('A page of volumes', pageOf(keptVolumeSchema)), ...readProblems },
})

const listSlices = createRoute({
  method: 'get',
  path: `${path}/kept-slices`,
  tags,
  summary: 'Databases and keyspaces that no environment uses any more',
  middleware: requires('viewer'),
  request: { params: inOrganisation, query: pageQuery },
  responses: { 200: json('A page of slices', pageOf(keptSliceSchema)), ...readProblems },
})

const removeVolume = createRoute({
  method: 'delete',
  path: `${path}/kept-volumes/{volumeId}`,
  tags,
  summary: 'Delete a kept volume and all that is in it, for good',
  description: 'Problems: confirmation_required where `confirm` is not the name of the volume.',
  middleware: requires('admin'),
  request: { params: oneVolume, query: confirmation },
  responses: { 202: json('The operation', operationSchema), ...writeProblems },
})

export function keptRoutes(deps: ApiDependencies) {
  const { db } = deps
  return createRouter()
    .openapi(listVolumes, async (c) => {
      return c.json(presented(await keptVolumesOf(db, c.var.organisation.id, c.req.valid('query')), presentKeptVolume), 200)
    })

    .openapi(listSlices, async (c) => {
      return c.json(presented(await keptSlicesOf(db, c.var.organisation.id, c.req.valid('query')), presentKeptSlice), 200)
    })

    .openapi(removeVolume, async (c) => {
      const { id, name } = await keptVolumeIn(deps, c, c.req.valid('param').volumeId)
      requireConfirmed(c.req.valid('query').confirm, name)
      const { body: operation, status, headers } = await commit(deps, c, async (tx) => {
        const target = { kind: 'volume_remove', targetType: 'volume', targetId: id, name } as const
        return requestRemoval(deps, tx, c, { ...target, locks: await locksOfVolume(tx, id) })
      })
      return c.json(operation, status, headers)
    })
}
