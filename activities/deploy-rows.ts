import type { NewReplica } from '../db/replicas.ts'
import type { ChildOperation } from '../db/operations/children.ts'
import type { DeployPlan, PlannedGateway, PlannedReplica, PlannedService } from '../domain/deploy-plan.ts'
import type { OperationId } from '../domain/ids.ts'
import { replicaAlias } from '../domain/services.ts'
import { configuredService } from './configured-services.ts'
import { type DeployFacts, roleOf } from './deploy-snapshot.ts'

/** The rows of a plan's new replicas, before anything of them is on a server. */
export function plannedReplicas(facts: DeployFacts, rootId: OperationId, { services }: DeployPlan): NewReplica[] {
  return services.flatMap(({ id, replicas }) => {
    const service = facts.services.find((each) => each.id === id)
    if (!service) throw new Error(`service ${id} is not part of the deploy`)
    const role = roleOf(service)
    const [port] = configuredService(service).ports(role)
    return replicas.map((replica) => ({
      ...{ id: replica.id, serviceId: id, serverId: replica.serverId, operationId: rootId, role },
      containerName: [facts.application.name, facts.environment.name, service.name, replica.id.slice(-8)].join('-'),
      internalHost: replicaAlias(replica.id),
      internalPort: port?.containerPort ?? 1,
      status: 'starting' as const,
      config: service.config,
      ...{ imageDigest: '', configHash: '' },
    }))
  })
}

/** The operations below a deploy: each service's, below it each of its replicas', and each gateway's. */
export function plannedOperations(parentId: OperationId, { services, gateways }: DeployPlan): ChildOperation[] {
  return [
    ...services.flatMap((service) => [
      serviceOperation(parentId, service),
      ...service.replicas.map((replica) => replicaOperation(service, replica)),
    ]),
    ...gateways.map((gateway) => gatewayOperation(parentId, gateway)),
  ]
}

const serviceOperation = (parentId: OperationId, { id, operationId, name }: PlannedService): ChildOperation => ({
  ...{ id: operationId, parentId, kind: 'service_deploy', targetType: 'service', targetId: id },
  summary: `deploy ${name}`,
})

/** The operation that starts one replica, below its service's. */
export const replicaOperation = (
  { operationId: parentId, name }: Pick<PlannedService, 'operationId' | 'name'>,
  { id, operationId, serverName }: PlannedReplica,
): ChildOperation => ({
  ...{ id: operationId, parentId, kind: 'replica_deploy', targetType: 'replica', targetId: id },
  summary: `start ${name} on ${serverName}`,
})

const gatewayOperation = (parentId: OperationId, { operationId, serviceId, serverName }: PlannedGateway): ChildOperation => ({
  ...{ id: operationId, parentId, kind: 'gateway_cutover', targetType: 'service', targetId: serviceId },
  summary: `switch traffic on ${serverName}`,
})
