import { z } from '@hono/zod-openapi'
import type { EnvironmentDeployPlan, PlannedService } from '../../domain/deploy-plan.ts'
import { type RolloutKind, rolloutKinds } from '../../domain/operations.ts'
import { processRoles } from '../../domain/services.ts'
import { branch, commit, image } from './fields.ts'
import { presentWarning, warningSchema } from './warning.ts'

export const planQuery = z.strictObject({
  kind: z
    .enum(['environment_deploy', 'config_change'], 'must be environment_deploy or config_change')
    .default('environment_deploy'),
  branch: branch.optional(),
  commit: commit.optional(),
  image: image.optional().openapi({ description: 'As in a deployment: branch, commit and image are for environment_deploy alone.' }),
})

const serverSchema = z.object({ serverId: z.uuid(), serverName: z.string() })

const imageSchema = z.object({
  isNew: z.boolean(),
  reference: z.string().nullable().openapi({ description: 'Null where it is not known before it was built or looked for.' }),
  build: serverSchema
    .extend({ builder: z.string().nullable(), unresolvedBaseImages: z.array(z.string()) })
    .nullable()
    .openapi({ description: 'Where it is built, unless one that was built from the very same is found there; null where nothing is built.' }),
  pulledOn: z.array(serverSchema),
})

const deployedServiceSchema = z.object({
  id: z.uuid(),
  name: z.string(),
  role: z.enum(processRoles),
  reason: z.string().openapi({ description: 'Why its replicas are replaced.', example: 'configuration changed' }),
  batch: z.int().openapi({ description: 'Counts from 1: a later batch begins when the ones before have their traffic.' }),
  starts: z.array(serverSchema).openapi({ description: 'A new replica each.' }),
  retires: z.int().openapi({ description: 'How many of the replicas that run now end, named with the first batch.' }),
})

const commandSchema = z.object({ command: z.string(), timing: z.enum(['pre_switch', 'post_switch']), serverName: z.string() })

export const planSchema = z
  .object({
    kind: z.enum(rolloutKinds),
    isUnchanged: z.boolean().openapi({ description: 'Nothing would be done.' }),
    commit: z.string().nullable(),
    image: imageSchema,
    variables: z
      .object({ set: z.array(z.string()), removed: z.array(z.string()) })
      .openapi({ description: "The user's variables that are not as the live release has them." }),
    services: z.array(deployedServiceSchema),
    kept: z
      .array(z.object({ id: z.uuid(), name: z.string(), because: z.enum(['stopped', 'manual']).nullable() }))
      .openapi({ description: 'Services that stay exactly as they are; because they are stopped, or deployed on their own.' }),
    gateways: z.array(serverSchema.extend({ serviceId: z.uuid() })).openapi({ description: 'Gateways that switch traffic.' }),
    migration: commandSchema.nullable(),
    commands: z.array(commandSchema).openapi({ description: 'Pre-switch and post-switch commands, in their order.' }),
    scheduler: z
      .array(z.object({ serviceName: z.string(), serverName: z.string() }))
      .openapi({ description: 'New replicas that the scheduler goes to; empty where it stays.' }),
    warnings: z.array(warningSchema),
  })
  .openapi('Plan')

/** What a plan says to people, whether it is executed or only shown; `given` is an image that was built elsewhere. */
export function presentPlan(plan: EnvironmentDeployPlan, { kind, given }: { kind: RolloutKind; given?: string }): z.infer<typeof planSchema> {
  const { isUnchanged, commit: sha, services, kept, gateways, migration, commands = [], warnings, variables = { set: [], removed: [] } } = plan
  return {
    ...{ kind, isUnchanged, commit: sha, image: presentImage(plan, { kind, given: given ?? null }), warnings: warnings.map(presentWarning) },
    variables: { set: [...variables.set], removed: [...variables.removed] },
    services: services.map(presentService),
    kept: kept.map(({ id, name, because = null }) => ({ id, name, because })),
    gateways: gateways.map(({ serviceId, serverId, serverName }) => ({ serviceId, serverId, serverName })),
    migration: migration && presentCommand(migration),
    commands: commands.map(presentCommand),
    scheduler: presentScheduler(plan),
  }
}

function presentImage(
  { isUnchanged, isImageNew, build }: EnvironmentDeployPlan,
  { kind, given }: { kind: RolloutKind; given: string | null },
): z.infer<typeof imageSchema> {
  const { serverId, serverName, builder, unresolved, running, pulls = [] } = build
  const reference = running?.reference ?? given
  const isBuilt = kind === 'environment_deploy' && reference === null && !isUnchanged
  const unresolvedBaseImages = unresolved.map((base) => base.reference)
  const place = { serverId, serverName, builder: builder?.name ?? null, unresolvedBaseImages }
  return { isNew: isImageNew, reference, build: isBuilt ? place : null, pulledOn: pulls.map(presentServer) }
}

const presentService = ({ id, name, role, reason, batch = 0, replicas, retiring }: PlannedService) => ({
  ...{ id, name, role, reason, batch: batch + 1, starts: replicas.map(presentServer), retires: retiring.length },
})

const presentCommand = ({ command, timing, serverName }: z.infer<typeof commandSchema>) => ({ command, timing, serverName })

const presentServer = ({ serverId, serverName }: z.infer<typeof serverSchema>) => ({ serverId, serverName })

function presentScheduler({ services, schedulers }: EnvironmentDeployPlan) {
  return services.flatMap(({ name, replicas }) =>
    replicas.filter(({ id }) => schedulers.includes(id)).map(({ serverName }) => ({ serviceName: name, serverName })),
  )
}
