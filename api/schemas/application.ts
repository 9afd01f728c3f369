import { z } from '@hono/zod-openapi'
import { type Application, webhookStates } from '../../db/applications.ts'
import { repositoryTypes } from '../../db/schema/applications.ts'
import { projectRoot } from '../../drivers/services/laravel/config.ts'
import { branch, label, line, moment } from './fields.ts'

const repositoryUrl = line(1000)
  .openapi({ example: 'git@git.example.com:team/shop.git', description: 'SSH address of the repository.' })
const repositoryType = z.enum(repositoryTypes, `must be one of ${repositoryTypes.join(', ')}`)

export const newApplicationSchema = z
  .strictObject({
    name: label,
    repositoryUrl,
    repositoryType,
    defaultBranch: branch.default('main'),
    projectRoot: projectRoot.default('.').openapi({ description: "The application's folder in the repository." }),
  })
  .openapi('NewApplication')

/** Its name stays: containers are called by it. */
export const applicationChangeSchema = z
  .strictObject({ repositoryUrl: repositoryUrl.optional(), repositoryType: repositoryType.optional(), defaultBranch: branch.optional() })
  .openapi('ApplicationChange')

export const applicationSchema = z
  .object({
    id: z.uuid(),
    name: z.string(),
    repositoryUrl: z.string(),
    repositoryType: z.enum(repositoryTypes),
    projectRoot: z.string(),
    defaultBranch: z.string(),
    deployKeyPublic: z.string().openapi({ description: 'Add it to the repository, for reading only.' }),
    deployKeyFingerprint: z.string(),
    deployKeyInstalledAt: moment.nullable(),
    nextDeployKey: z
      .object({ public: z.string(), fingerprint: z.string() })
      .nullable()
      .openapi({ description: 'The key of a rotation that is under way: add it to the repository beside the present one.' }),
    webhook: z
      .object({ path: z.string(), state: z.enum(webhookStates) })
      .openapi({ description: 'Where its git host tells of pushes, behind the address at which it reaches Keystone. rotating: a new secret has not been used yet.' }),
    createdAt: moment,
    updatedAt: moment,
  })
  .openapi('Application')

const webhookPath = (applicationId: string): string => `/webhooks/${applicationId}`

export function presentApplication(application: Application): z.infer<typeof applicationSchema> {
  const { id, name, repositoryUrl, repositoryType, projectRoot: root, defaultBranch, deployKeyPublic, deployKeyFingerprint } = application
  const { nextDeployKeyPublic: nextPublic, nextDeployKeyFingerprint: nextFingerprint } = application
  return {
    ...{ id, name, repositoryUrl, repositoryType, projectRoot: root, defaultBranch, deployKeyPublic, deployKeyFingerprint },
    deployKeyInstalledAt: application.deployKeyInstalledAt && application.deployKeyInstalledAt.toISOString(),
    nextDeployKey: nextPublic && nextFingerprint ? { public: nextPublic, fingerprint: nextFingerprint } : null,
    webhook: { path: webhookPath(application.id), state: application.webhook },
    createdAt: application.createdAt.toISOString(),
    updatedAt: application.updatedAt.toISOString(),
  }
}
