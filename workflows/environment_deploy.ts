import { CancellationScope } from '@temporalio/workflow'
import type { BuiltArtifact } from '../activities/images.ts'
import type { OperationInput } from '../activities/operations.ts'
import type { EnvironmentDeployPlan, PlannedMigration } from '../domain/deploy-plan.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { completeDeploy } from './complete-deploy.ts'
import { untilCommitted } from './converge.ts'
import { asOperation, runChild, together } from './operation.ts'
import { createProgress } from './progress.ts'
import { control, watch } from './proxies.ts'

const numbers = stepNumbers.environmentDeploy
const phases = ['plan', 'build', 'migrate', 'start', 'switch traffic', 'commit', 'complete'] as const

/** Deploys a commit to an environment: the thirteen steps of specification section 16, in order. */
export async function environment_deploy({ operationId }: OperationInput): Promise<void> {
  const progress = createProgress(phases)
  await asOperation({ operationId }, async () => {
    progress.phase('plan')
    const plan = await control.planDeploy({ operationId })
    if (plan.isUnchanged) return 'unchanged'
    await untilCommitted({ operationId, of: operationId }, async () => {
      progress.phase('build')
      const artifact = await build(plan, { operationId })
      progress.phase('migrate')
      await migrate(plan, { operationId, artifact, timing: 'pre_switch' })
      progress.phase('start')
      await startServices(plan, artifact)
      progress.phase('switch traffic')
      await switchTraffic(plan)
      await migrate(plan, { operationId, artifact, timing: 'post_switch' })
      progress.phase('commit')
      await CancellationScope.nonCancellable(() => control.recordRelease({ operationId, artifactId: artifact.artifactId }))
    })
    progress.phase('complete')
    await CancellationScope.nonCancellable(() => completeDeploy({ operationId, of: operationId }))
    return 'deployed'
  })
}

async function build({ build: place }: EnvironmentDeployPlan, { operationId }: OperationInput): Promise<BuiltArtifact> {
  const { serverId, serverName, unresolved } = place
  await together(unresolved, ({ reference }, index) => {
    const resolve = { operationId, order: numbers.baseImages + index, serverId, reference }
    return watch.resolveBaseImage.executeWithOptions({ summary: `pull ${reference} on ${serverName}` }, [resolve])
  })
  return watch.buildImage.executeWithOptions({ summary: `build image on ${serverName}` }, [{ operationId }])
}

async function startServices({ services }: EnvironmentDeployPlan, { image }: BuiltArtifact): Promise<void> {
  await together(services, ({ name, operationId, replicas }) =>
    runChild('service_deploy', operationId, { planned: { name, replicas, image } }, `deploy ${name}`),
  )
}

async function switchTraffic({ gateways, environmentId }: EnvironmentDeployPlan): Promise<void> {
  await together(gateways, (gateway) => {
    const summary = `switch traffic on ${gateway.serverName}`
    return runChild('gateway_cutover', gateway.operationId, { environmentId, gateway }, summary)
  })
}

interface Migration extends OperationInput {
  artifact: BuiltArtifact
  timing: PlannedMigration['timing']
}

/** Migrates where the plan wants it at this moment. */
async function migrate({ migration }: EnvironmentDeployPlan, { operationId, artifact, timing }: Migration): Promise<void> {
  if (migration?.timing !== timing) return
  const { replicaId, command, serverName } = migration
  const order = timing === 'pre_switch' ? numbers.migrateBefore : numbers.migrateAfter
  const run = { operationId, order, replicaId, command, image: artifact.image }
  await watch.migrate.executeWithOptions({ summary: `migrate on ${serverName}` }, [run])
}
