import { CancellationScope } from '@temporalio/workflow'
import type { OperationInput } from '../activities/operations.ts'
import { batchesOfPlan, type EnvironmentDeployPlan, type PlannedMigration } from '../domain/deploy-plan.ts'
import type { ReplicaImage } from '../domain/images.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { completeDeploy } from './complete-deploy.ts'
import { untilCommitted } from './converge.ts'
import { applyFirewalls } from './firewalls.ts'
import { runChild, together } from './operation.ts'
import type { Progress } from './progress.ts'
import { control, watch } from './proxies.ts'

const numbers = stepNumbers.environmentDeploy

/** What follows once there is an image, in this order. */
export const rolloutPhases = ['migrate', 'start', 'switch traffic', 'commit', 'complete'] as const

/** A stored plan, and how it comes by its image. */
export interface Rollout extends OperationInput {
  plan: EnvironmentDeployPlan
  progress: Progress
  provideImage(): Promise<ReplicaImage>
}

/** Takes an environment to another version: what a deploy and a rollback have in common, from the image to the end. */
export async function rollOut({ operationId, plan, progress, provideImage }: Rollout): Promise<void> {
  await untilCommitted({ operationId, of: operationId }, async () => {
    const image = await withOpenPorts(plan, { operationId, provideImage })
    progress.phase('migrate')
    await migrate(plan, { operationId, image, timing: 'pre_switch' })
    await runCommands(plan, { operationId, image, timing: 'pre_switch' })
    const batches = batchesOfPlan(plan)
    for (const [index, batch] of batches.entries()) {
      if (batches.length > 1) progress.note(`batch ${index + 1} of ${batches.length}: ${serversOf(batch)}`)
      progress.phase('start')
      await startServices(batch, image)
      progress.phase('switch traffic')
      await switchTraffic(batch, plan)
    }
    await migrate(plan, { operationId, image, timing: 'post_switch' })
    await runCommands(plan, { operationId, image, timing: 'post_switch' })
    progress.phase('commit')
    await CancellationScope.nonCancellable(() => control.recordRelease({ operationId }))
  })
  progress.phase('complete')
  await CancellationScope.nonCancellable(() => completeDeploy({ operationId, of: operationId }))
}

/** Servers on which the new version is started and gets its traffic at once. */
type Batch = ReturnType<typeof batchesOfPlan>[number]

const serversOf = ({ services }: Batch): string =>
  [...new Set(services.flatMap(({ replicas }) => replicas.map(({ serverName }) => serverName)))].join(', ')

/** Servers let others in while the image is made: the migration is the first that may need it. */
async function withOpenPorts(
  { firewalls = [] }: EnvironmentDeployPlan,
  { operationId, provideImage }: Pick<Rollout, 'operationId' | 'provideImage'>,
): Promise<ReplicaImage> {
  const images: ReplicaImage[] = []
  const openPorts = () => applyFirewalls(firewalls, { operationId, order: numbers.openPorts })
  await together([async () => void images.push(await provideImage()), openPorts], (run) => run())
  const [image] = images
  if (!image) throw new Error('there is no image')
  return image
}

async function startServices({ services }: Batch, image: ReplicaImage): Promise<void> {
  await together(services, ({ name, operationId, replicas }) =>
    runChild('service_deploy', operationId, { planned: { name, replicas, image } }, `deploy ${name}`),
  )
}

async function switchTraffic({ gateways }: Batch, { environmentId }: EnvironmentDeployPlan): Promise<void> {
  await together(gateways, (gateway) => {
    const summary = `switch traffic on ${gateway.serverName}`
    return runChild('gateway_cutover', gateway.operationId, { environmentId, gateway }, summary)
  })
}

/** When a migration or a command is run, and with which image. */
interface OneOffRun extends OperationInput {
  image: ReplicaImage
  timing: PlannedMigration['timing']
}

/** Migrates where the plan wants it at this moment; a rollback's plan never does. */
async function migrate({ migration }: EnvironmentDeployPlan, { operationId, image, timing }: OneOffRun): Promise<void> {
  if (migration?.timing !== timing) return
  const { replicaId, command, serverName } = migration
  const order = timing === 'pre_switch' ? numbers.migrateBefore : numbers.migrateAfter
  const run = { operationId, order, replicaId, command, image }
  await watch.migrate.executeWithOptions({ summary: `migrate on ${serverName}` }, [run])
}

/** The user's own commands for this moment, one after the other; the first that fails ends the deploy. */
async function runCommands({ commands = [] }: EnvironmentDeployPlan, { operationId, image, timing }: OneOffRun): Promise<void> {
  const first = timing === 'pre_switch' ? numbers.commandsBefore : numbers.commandsAfter
  for (const [index, { replicaId, name, command, serverName }] of commands.filter((each) => each.timing === timing).entries()) {
    const run = { operationId, order: first + index, replicaId, name, command, image }
    await watch.runCommand.executeWithOptions({ summary: `${name} on ${serverName}` }, [run])
  }
}
