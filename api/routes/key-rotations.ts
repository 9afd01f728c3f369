import { createRoute, z } from '@hono/zod-openapi'
import { requestOperation } from '../../db/operations/request.ts'
import { sealedByKey } from '../../db/sealed-columns.ts'
import { organisationLocks } from '../../domain/locks.ts'
import { requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { accepted, requestedBy } from '../operation-request.ts'
import { json, onceHeaders } from '../schemas/content.ts'
import { operationSchema } from '../schemas/operation.ts'
import { inOrganisation } from '../schemas/params.ts'
import { readProblems, writeProblems } from '../schemas/problem.ts'

const tags = ['Organisations']

const keysSchema = z
  .object({
    current: z.string().openapi({ description: 'The key that encrypts, as this process has it.' }),
    items: z.array(z.object({ keyId: z.string(), values: z.int() })).openapi({ description: 'How many values each key has encrypted.' }),
  })
  .openapi('EncryptionKeys')

const read = createRoute({
  method: 'get',
  path: '/organisations/{organisationId}/encryption-keys',
  tags,
  summary: 'Which keys have encrypted what is in the database, of all organisations',
  description: 'A key that has encrypted nothing may be taken out of the key file.',
  middleware: requires('owner'),
  request: { params: inOrganisation },
  responses: { 200: json('The keys, never their content', keysSchema), ...readProblems },
})

const create = createRoute({
  method: 'post',
  path: '/organisations/{organisationId}/key-rotations',
  tags,
  summary: 'Encrypt everything in the database with the current key of the key file, for all organisations',
  description: 'Both keys stay in the key file until it has succeeded. Nothing is to be seen of it elsewhere.',
  middleware: requires('owner'),
  request: { params: inOrganisation, headers: onceHeaders },
  responses: { 202: json('The operation', operationSchema), ...writeProblems },
})

export function keyRotationRoutes(deps: ApiDependencies) {
  const { db, keyring } = deps
  return createRouter()
    .openapi(read, async (c) => c.json({ current: keyring.currentKey, items: await sealedByKey(db) }, 200))

    .openapi(create, async (c) => {
      const { id } = c.var.organisation
      const { body: operation, status, headers } = await commit(deps, c, async (tx) => {
        const requested = await requestOperation(tx, {
          ...requestedBy(c),
          kind: 'key_rotation',
          targetType: 'organisation',
          targetId: id,
          summary: `encrypt everything with ${keyring.currentKey}`,
          locks: organisationLocks(id),
          input: { keyId: keyring.currentKey },
        })
        const details = { keyId: keyring.currentKey }
        return { ...accepted(deps, requested), event: { action: 'encryption.rotation_requested', targetType: 'organisation', targetId: id, details } }
      })
      return c.json(operation, status, headers)
    })
}
