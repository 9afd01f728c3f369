import { z } from '@hono/zod-openapi'
import type { Environment } from '../../db/environments.ts'
import { environmentStatuses } from '../../db/schema/applications.ts'
import { buildStrategies } from '../../domain/builds.ts'
import { schedulerModes } from '../../domain/scheduler.ts'
import { branch, image, label, line, moment, registryIdSchema, serverIdSchema, serviceIdSchema, settings } from './fields.ts'

const schedulerMode = z.enum(schedulerModes, `must be one of ${schedulerModes.join(', ')}`)

const releaseRetention = z
  .int('must be a whole number')
  .min(1, 'must be at least 1')
  .max(50, 'must be at most 50')
  .openapi({
    description: 'Releases that are kept, the live one among them; the next deployment removes the images of older ones.',
  })

const rolloutBatchSize = z
  .int('must be a whole number')
  .min(1, 'must be at least 1')
  .max(500, 'must be at most 500')
  .nullable()
  .openapi({
    description: 'On how many servers at once a new version is started and gets traffic; the next ones follow when it does. Null: on all of them.',
  })

const deployTags = line(200).nullable().openapi({
  description: 'Tags whose push is deployed, where * stands for anything; their commit is. Null: none.',
  example: 'v*',
})

const triggerPath = line(400).regex(/^(?:\.|(?!\.{0,2}\/)[^/]+(?:\/[^/]+)*)$/, 'must be a path in the repository such as apps/shop, without a slash in front or behind')

const triggerPaths = z
  .array(triggerPath.refine((path) => !path.split('/').includes('..'), 'must not lead out of the repository'))
  .max(50, 'must name at most 50 paths')
  .openapi({ description: "Files and folders of the repository: a push that changes nothing in them is not deployed. Empty: the application's projectRoot." })

const branchCheckMinutes = z
  .int('must be a whole number')
  .min(1, 'must be at least 1')
  .max(1440, 'must be at most 1440')
  .nullable()
  .openapi({ description: 'How often the head of its branch is looked up, for pushes that no webhook has told of. Null: never.' })

const deployOnPush = z.boolean().openapi({ description: 'Whether pushes to its branch are deployed.' })

const registryId = registryIdSchema.nullable().openapi({
  description: 'Where its images are stored; an environment that spans several servers needs one. Null: on its only server.',
})

const buildStrategy = z.enum(buildStrategies, `must be one of ${buildStrategies.join(', ')}`).openapi({
  description:
    'Who builds the image. target_server: the server of the web service. dedicated_builder: a service of the category builder, which ' +
    'stores it in the registry. external_registry: nobody; an image that was built elsewhere is deployed.',
})

const buildSource = {
  buildStrategy: buildStrategy.optional(),
  builderServiceId: serviceIdSchema.nullable().optional().openapi({ description: 'Needed for the strategy dedicated_builder.' }),
  image: image.nullable().optional().openapi({
    description: 'For the strategy external_registry: what is deployed unless a deployment names another image.',
  }),
}

export const newEnvironmentSchema = z
  .strictObject({
    name: label.openapi({ example: 'production' }),
    branch: branch.optional().openapi({ description: "Left out: the application's default branch." }),
    serverIds: z
      .array(serverIdSchema)
      .max(500, 'must name at most 500 servers')
      .refine((ids) => new Set(ids).size === ids.length, 'must name each server once')
      .default([])
      .openapi({ description: 'Where the web service runs.' }),
    allowPublic: z.boolean().default(false).openapi({
      description: 'Whether gateways that share no private network with its web service may reach that over the internet, unencrypted.',
    }),
    phpVersion: z.string().regex(/^8\.\d$/, 'must be a version of PHP such as 8.4').optional(),
    build: settings.default({}).openapi({ description: 'Build configuration: PHP extensions, asset build, build variables, …' }),
    web: settings.default({}).openapi({ description: 'Settings of the web service: health path, drain window, migration, commands before and after the switch, …' }),
    schedulerEnabled: z.boolean().default(true),
    schedulerMode: schedulerMode.default('single'),
    releaseRetention: releaseRetention.default(5),
    rolloutBatchSize: rolloutBatchSize.default(null),
    registryId: registryId.default(null),
    deployOnPush: deployOnPush.default(true),
    deployTags: deployTags.default(null),
    triggerPaths: triggerPaths.default([]),
    branchCheckMinutes: branchCheckMinutes.default(null),
    ...buildSource,
  })
  .openapi('NewEnvironment')

export const environmentChangeSchema = z
  .strictObject({
    releaseRetention: releaseRetention.optional(),
    rolloutBatchSize: rolloutBatchSize.optional(),
    registryId: registryId.optional(),
    deployOnPush: deployOnPush.optional(),
    deployTags: deployTags.optional(),
    triggerPaths: triggerPaths.optional(),
    branchCheckMinutes: branchCheckMinutes.optional(),
    build: settings.optional().openapi({ description: 'Build configuration; settings that are left out stay. The next deployment builds with it.' }),
    ...buildSource,
    schedulerEnabled: z.boolean().optional(),
    schedulerTargetServiceId: serviceIdSchema.optional().openapi({ description: 'A web or worker service of this environment.' }),
    schedulerMode: schedulerMode.optional().openapi({
      description: '`single`: one replica of the target service ticks. `every_replica`: each of them does, so every task runs as often.',
    }),
  })
  .openapi('EnvironmentChange')

export const environmentSchema = z
  .object({
    id: z.uuid(),
    applicationId: z.uuid(),
    name: z.string(),
    branch: z.string(),
    status: z.enum(environmentStatuses),
    schedulerEnabled: z.boolean(),
    schedulerTargetServiceId: z.uuid().nullable(),
    schedulerMode: z.enum(schedulerModes),
    buildConfig: settings,
    buildStrategy,
    builderServiceId: z.uuid().nullable(),
    image: z.string().nullable(),
    releaseRetention,
    rolloutBatchSize,
    deployOnPush,
    deployTags,
    triggerPaths,
    branchCheckMinutes,
    registryId: z.uuid().nullable(),
    currentReleaseId: z.uuid().nullable(),
    createdAt: moment,
    updatedAt: moment,
  })
  .openapi('Environment')

export function presentEnvironment(environment: Environment): z.infer<typeof environmentSchema> {
  const { id, applicationId, name, branch: from, status, schedulerEnabled, schedulerTargetServiceId, schedulerMode } = environment
  const { buildStrategy: strategy, builderServiceId, image: deployed } = environment
  const { buildConfig, releaseRetention: retention, rolloutBatchSize: batch, registryId: storedIn, currentReleaseId, createdAt, updatedAt } = environment
  const { deployOnPush: onPush, deployTags: tags, triggerPaths: paths, branchCheckMinutes: checkMinutes } = environment
  return {
    ...{ id, applicationId, name, branch: from, status, buildConfig, currentReleaseId },
    ...{ buildStrategy: strategy, builderServiceId, image: deployed },
    ...{ schedulerEnabled, schedulerTargetServiceId, schedulerMode, releaseRetention: retention, rolloutBatchSize: batch, registryId: storedIn },
    ...{ deployOnPush: onPush, deployTags: tags, triggerPaths: paths, branchCheckMinutes: checkMinutes },
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  }
}
