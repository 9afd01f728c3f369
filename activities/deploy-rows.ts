import { recordGivenImage } from '../db/artifacts.ts'
import type { Database } from '../db/connect.ts'
import { changeFirewalls, serversOpenTo } from '../db/firewalls.ts'
import { assignHostPorts } from '../db/host-ports.ts'
import { childId } from '../db/ids.ts'
import { holdRunning } from '../db/operations/begin.ts'
import { type ChildOperation, insertChildren, storePlan } from '../db/operations/children.ts'
import { warn } from '../db/operations/finish.ts'
import type { Operation } from '../db/operations/request.ts'
import { beginRollout, insertRelease, type NewRelease } from '../db/releases.ts'
import { insertReplicas } from '../db/replicas.ts'
import { endDetached, hasDetached } from '../db/slice-uses.ts'
import type { DeployPlan, EnvironmentDeployPlan, PlannedGateway, PlannedReplica, PlannedService } from '../domain/deploy-plan.ts'
import type { PlanIds } from '../domain/plan-deploy.ts'
import type { PlannedFirewall } from '../domain/firewall.ts'
import type { OperationId } from '../domain/ids.ts'
import { limitsAt } from '../domain/limits.ts'
import { isRollout } from '../domain/operations.ts'
import { replicaAlias } from '../domain/services.ts'
import type { Warning } from '../domain/warnings.ts'
import { configuredService } from './configured-services.ts'
import type { RolloutFacts } from './deploy-snapshot.ts'
import type { ActivityDeps } from './deps.ts'
import { roleOf } from './placed-environment.ts'
import { internalPorts } from './replica-input.ts'

/** An operation that is to be planned, or would be. */
export type Planning = Pick<Operation, 'targetId' | 'input' | 'plan'>

/** A plan with what it was computed from. */
export interface Planned {
  facts: RolloutFacts
  plan: EnvironmentDeployPlan
  /** An image, `name@sha256:…`, that was built elsewhere and is to be deployed. */
  given?: string
  /** The image of a release that there was before: a rollback names that release, too. */
  released?: Pick<NewRelease, 'artifactId' | 'rolledBackToId'>
  /** What people are to know besides what the plan says. */
  warnings?: readonly Warning[]
}

/**
 * Stores a plan with its release, new replicas and child operations, and returns it with the servers whose firewalls it changes.
 * Where it changes nothing, or is about one service alone, there is no new release. Where it changes nothing, what was detached is over.
 */
export async function storeRollout(
  { db, keyring }: ActivityDeps,
  { id: operationId, kind, trigger }: Operation,
  { facts, plan: computed, given, released = {}, warnings = [] }: Planned,
): Promise<EnvironmentDeployPlan> {
  const release = { environmentId: computed.environmentId, operationId, commitSha: computed.commit, trigger, variables: facts.variables }
  return db.transaction(async (tx) => {
    const root = await holdRunning(tx, operationId)
    const plan = given === undefined ? computed : await withGivenImage(tx, computed, { operationId, reference: given })
    for (const warning of [...plan.warnings, ...warnings]) await warn(tx, operationId, warning)
    if (plan.isUnchanged) {
      const unchanged = isRollout(kind) ? { ...plan, firewalls: await withoutDetached(tx, plan) } : plan
      await storePlan(tx, operationId, unchanged)
      return unchanged
    }
    if (isRollout(kind)) await insertRelease(tx, keyring, { ...release, ...released })
    if (plan.build.running) await beginRollout(tx, operationId, plan.build.running.artifactId)
    const replicas = plannedReplicas(facts, operationId, plan)
    await insertReplicas(tx, replicas.map(({ row }) => row))
    await assignHostPorts(tx, replicas.flatMap(({ row, isReached }) => (isReached ? [row.id] : [])))
    await insertChildren(tx, root, plannedOperations(operationId, plan))
    const complete = { ...plan, firewalls: await changeFirewalls(tx, await serversOpenTo(tx, plan.environmentId)) }
    await storePlan(tx, operationId, complete)
    return complete
  })
}

/**
 * What runs has no variables of what was detached, or it would not come out the same: nothing of it is used any more. Answers the
 * servers that are to close their ports, also those that an earlier operation could not reach.
 */
async function withoutDetached(tx: Database, { environmentId }: EnvironmentDeployPlan): Promise<PlannedFirewall[]> {
  if (!(await hasDetached(tx, environmentId))) return []
  await endDetached(tx, environmentId)
  return changeFirewalls(tx, await serversOpenTo(tx, environmentId))
}

/** The plan with an image that need not be built, since it was built elsewhere; the environment has it as an artifact from now on. */
async function withGivenImage(
  tx: Database,
  plan: EnvironmentDeployPlan,
  image: { operationId: OperationId; reference: string },
): Promise<EnvironmentDeployPlan> {
  const artifactId = await recordGivenImage(tx, { ...image, environmentId: plan.environmentId, commitSha: plan.commit })
  return { ...plan, build: { ...plan.build, running: { artifactId, reference: image.reference } } }
}

/** Ids of all that an operation's plan brings into being. */
export const planIds = (operationId: OperationId): PlanIds => ({
  replica: (serviceId, serverId, index) => childId(operationId, 'replica', serviceId, serverId, `${index}`),
  operation: (kind, targetId) => childId(operationId, kind, targetId),
})

/** The rows of a plan's new replicas, before anything of them is on a server; those that others reach get a port of their own. */
function plannedReplicas(facts: RolloutFacts, rootId: OperationId, { services }: DeployPlan) {
  return services.flatMap(({ id, replicas }) => {
    const service = facts.services.find((each) => each.id === id)
    if (!service) throw new Error(`service ${id} is not part of the deploy`)
    const role = roleOf(service)
    const [port] = internalPorts(configuredService(service), role)
    const rowOf = (replica: PlannedReplica) => ({
      ...{ id: replica.id, serviceId: id, serverId: replica.serverId, operationId: rootId, role },
      containerName: [facts.application.name, facts.environment.name, service.name, replica.id.slice(-8)].join('-'),
      ...limitsAt(facts.placements.find((place) => place.serviceId === id && place.serverId === replica.serverId)?.limits ?? {}, service),
      internalHost: replicaAlias(replica.id),
      internalPort: port?.containerPort ?? 1,
      status: 'starting' as const,
      config: service.config,
      ...{ imageDigest: '', configHash: '' },
    })
    return replicas.map((replica) => ({ row: rowOf(replica), isReached: port !== undefined }))
  })
}

/** The operations below a deploy: each service's, below it each of its replicas', and each gateway's. */
function plannedOperations(parentId: OperationId, { services, gateways }: DeployPlan): ChildOperation[] {
  return [
    ...services.flatMap((service) => [
      serviceOperation(parentId, service),
      ...service.replicas.map((replica) => replicaOperation(service, replica)),
    ]),
    ...gateways.map((gateway) => gatewayOperation(parentId, gateway)),
  ]
}

const serviceOperation = (parentId: OperationId, { id, batch, operationId, name }: PlannedService): ChildOperation => ({
  ...{ id: operationId, parentId, kind: 'service_deploy', targetType: 'service', targetId: id },
  summary: `deploy ${name}${ofBatch(batch)}`,
})

/** The operation that starts one replica, below its service's. */
export const replicaOperation = (
  { operationId: parentId, name }: Pick<PlannedService, 'operationId' | 'name'>,
  { id, operationId, serverName }: PlannedReplica,
): ChildOperation => ({
  ...{ id: operationId, parentId, kind: 'replica_deploy', targetType: 'replica', targetId: id },
  summary: `start ${name} on ${serverName}`,
})

const gatewayOperation = (parentId: OperationId, { operationId, serviceId, batch, serverName }: PlannedGateway): ChildOperation => ({
  ...{ id: operationId, parentId, kind: 'gateway_cutover', targetType: 'service', targetId: serviceId },
  summary: `switch traffic on ${serverName}${ofBatch(batch)}`,
})

/** People count from one; the first batch may be the only one. */
const ofBatch = (batch = 0): string => (batch === 0 ? '' : ` (batch ${batch + 1})`)
