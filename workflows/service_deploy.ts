import type { OperationInput } from '../activities/operations.ts'
import type { StandalonePlan } from '../activities/services.ts'
import type { PlannedReplica } from '../domain/deploy-plan.ts'
import type { ReplicaImage } from '../domain/images.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { untilCommitted } from './converge.ts'
import { applyFirewalls } from './firewalls.ts'
import { asOperation, runChild, together } from './operation.ts'
import { control, remote, watch } from './proxies.ts'
import { publish } from './publish.ts'
import { rollOutService } from './roll-out-service.ts'

/** The service is the operation's target. */
export interface ServiceDeployInput extends OperationInput {
  /** Given by an environment's deploy, which has planned and built; a standalone service does both itself. */
  planned?: PlannedServiceDeploy
}

/** Replicas whose rows are stored, and the image that they get. */
export interface PlannedServiceDeploy {
  name: string
  replicas: readonly PlannedReplica[]
  image: ReplicaImage
}

/** Deploys the replicas of one service: as part of its environment, or a standalone database, cache or gateway. */
export async function service_deploy({ operationId, planned }: ServiceDeployInput): Promise<void> {
  await asOperation({ operationId }, async () => {
    if (!planned) return deployService({ operationId })
    await startReplicas(planned)
    return 'deployed'
  })
}

/** Deploys one service on its own: a standalone one, or one of an environment with the image that this has. */
export async function deployService(input: OperationInput): Promise<'deployed' | 'unchanged'> {
  const plan = await control.planService(input)
  if (plan.isOfEnvironment) return rollOutService(input)
  if (plan.isUnchanged) return 'unchanged'
  const { operationId } = input
  await untilCommitted({ operationId, of: operationId }, async () => {
    await checkServers(input, plan)
    const digest = await deployContainers(input, plan)
    if (plan.isGatewayBack) await tellRoutes(input, plan)
    await control.recordServiceRunning({ operationId, serviceId: plan.service.id, digest })
  })
  return 'deployed'
}

/** While a gateway was stopped, others went on: it gets what they have now. */
async function tellRoutes({ operationId }: OperationInput, { service, replicas }: StandalonePlan): Promise<void> {
  await together(replicas, ({ serverName }) =>
    publish({ operationId, gatewayId: service.id, serverName, change: 'configure', owned: { nothing: true }, order: stepNumbers.serviceDeploy.routes }),
  )
}

async function checkServers({ operationId }: OperationInput, { service, checked = [] }: StandalonePlan): Promise<void> {
  await together(checked, ({ serverId, serverName }, index) => {
    const check = { operationId, order: stepNumbers.serviceDeploy.check + index, serviceId: service.id, serverId }
    return remote.checkBuilder.executeWithOptions({ summary: `check ${service.name} on ${serverName}` }, [check])
  })
}

/** Answers with the digest that they all run; null where the service has no containers. */
async function deployContainers({ operationId }: OperationInput, plan: StandalonePlan): Promise<string | null> {
  const { service, image, replicas, firewalls } = plan
  if (image === null) return null
  await applyFirewalls(firewalls, { operationId, order: stepNumbers.serviceDeploy.firewall })
  const digest = await resolveOnAll({ operationId }, { image, replicas })
  await startReplicas({ name: service.name, replicas, image: { reference: digest, isLocal: false } })
  return digest
}

/** The first server turns a tag into a digest, the others make exactly this one present. */
async function resolveOnAll({ operationId }: OperationInput, { image, replicas }: { image: string; replicas: readonly PlannedReplica[] }) {
  let digest = image
  for (const { serverId, serverName } of replicas) {
    const resolve = { operationId, serverId, image: digest }
    const summary = `pull ${digest} on ${serverName}`
    const resolved = await watch.resolveServiceImage.executeWithOptions({ summary }, [resolve])
    digest = resolved.digest
  }
  return digest
}

async function startReplicas({ name, replicas, image }: PlannedServiceDeploy): Promise<void> {
  await together(replicas, ({ id, operationId, serverName, askedBy }) =>
    runChild('replica_deploy', operationId, { replicaId: id, name, serverName, image, askedBy }, `start ${name} on ${serverName}`),
  )
}
