import { createRoute } from '@hono/zod-openapi'
import { abandonDeployKeyRotation, beginDeployKeyRotation, completeDeployKeyRotation, nextDeployKeyOf } from '../../db/applications.ts'
import { generateDeployKey } from '../../drivers/sources/deploy-key.ts'
import { requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { applicationIn } from '../in-organisation.ts'
import { Problem } from '../problem.ts'
import { repositoryAccess, withDeployKey } from '../repository.ts'
import { applicationSchema, presentApplication } from '../schemas/application.ts'
import { json, onceHeaders } from '../schemas/content.ts'
import { oneApplication } from '../schemas/params.ts'
import { writeProblems } from '../schemas/problem.ts'

const path = '/organisations/{organisationId}/applications/{applicationId}/deploy-key-rotation'
const tags = ['Applications']
const answers = { 200: json('The application', applicationSchema), ...writeProblems }

const begin = createRoute({
  method: 'post',
  path,
  tags,
  summary: 'Make another deploy key, to follow the present one',
  description:
    'Add nextDeployKey to the repository beside the present key, then complete the rotation; until then everything is read with the present one. ' +
    'Where a rotation is under way already, it goes on with its key.',
  middleware: requires('admin'),
  request: { params: oneApplication, headers: onceHeaders },
  responses: answers,
})

const complete = createRoute({
  method: 'post',
  path: `${path}/complete`,
  tags,
  summary: 'Read the repository with the new deploy key from now on',
  description:
    'Only when the repository takes it: access_denied and repository_not_found come with the key to install. Then remove the one before from the repository. ' +
    'Problems: no_rotation where none is under way.',
  middleware: requires('admin'),
  request: { params: oneApplication, headers: onceHeaders },
  responses: answers,
})

const abandon = createRoute({
  method: 'delete',
  path,
  tags,
  summary: 'Forget the new deploy key; the present one stays',
  middleware: requires('admin'),
  request: { params: oneApplication },
  responses: answers,
})

/** Deploy keys change without a moment in which no key opens the repository (design section 9). */
export function deployKeyRotationRoutes(deps: ApiDependencies) {
  const { db, keyring, sources } = deps
  return createRouter()
    .openapi(begin, async (c) => {
      const { id, name } = await applicationIn(deps, c, c.req.valid('param').applicationId)
      const { body, status, headers } = await commit(deps, c, async (tx) => {
        const application = await beginDeployKeyRotation(tx, keyring, id, generateDeployKey(`keystone ${name}`))
        const details = { fingerprint: application.nextDeployKeyFingerprint }
        return { status: 200, body: presentApplication(application), event: { action: 'application.deploy_key_rotation_begun', targetType: 'application', targetId: id, details } }
      })
      return c.json(body, status, headers)
    })

    .openapi(complete, async (c) => {
      const application = await applicationIn(deps, c, c.req.valid('param').applicationId)
      const { id } = application
      const next = await nextDeployKeyOf(db, keyring, id)
      if (!next) throw noRotation()
      await sources.refs(await repositoryAccess(deps, application, next.privateKey)).catch((error: unknown) => {
        throw withDeployKey(error, { deployKeyPublic: next.publicKey, deployKeyFingerprint: next.fingerprint })
      })
      const { body, status, headers } = await commit(deps, c, async (tx) => {
        const rotated = await completeDeployKeyRotation(tx, keyring, id, next)
        if (!rotated) throw noRotation()
        const details = { fingerprint: next.fingerprint, before: application.deployKeyFingerprint }
        return { status: 200, body: presentApplication(rotated), event: { action: 'application.deploy_key_rotated', targetType: 'application', targetId: id, details } }
      })
      return c.json(body, status, headers)
    })

    .openapi(abandon, async (c) => {
      const { id, nextDeployKeyFingerprint: fingerprint } = await applicationIn(deps, c, c.req.valid('param').applicationId)
      const { body, status, headers } = await commit(deps, c, async (tx) => ({
        status: 200,
        body: presentApplication(await abandonDeployKeyRotation(tx, id)),
        event: { action: 'application.deploy_key_rotation_abandoned', targetType: 'application', targetId: id, details: { fingerprint } },
      }))
      return c.json(body, status, headers)
    })
}

const noRotation = () => new Problem(409, 'no_rotation', 'No rotation of the deploy key is under way: begin one first.')
