import { z } from 'zod'
import { deployedServices, type EngineService } from '../db/engine-services.ts'
import { environmentGateways } from '../db/gateways.ts'
import { childId, idOf } from '../db/ids.ts'
import type { Operation } from '../db/operations/request.ts'
import { type DeployedEnvironment, environmentToDeploy } from '../db/releases.ts'
import { liveReplicas, placementsOf, type Placement, type Replica } from '../db/replicas.ts'
import type { DeploySnapshot, PresentReplica, SnapshotService, WantedReplica } from '../domain/deploy-plan.ts'
import type { EnvironmentId, ReplicaId } from '../domain/ids.ts'
import { type ProcessRole, processRoles } from '../domain/services.ts'
import { type BuildFacts, buildFacts } from './build-facts.ts'
import type { ActivityDeps } from './deps.ts'
import { finalFailure } from './failures.ts'
import { noImage, type ReplicaContext, renderReplica, replicaContext } from './replica-input.ts'

/** The rows from which a deploy is planned, with the hashes of what they would be rendered to. */
export interface DeployFacts extends DeployedEnvironment {
  commit: string
  services: readonly EngineService[]
  snapshot: DeploySnapshot
  build: BuildFacts
  /** The service that migrates and is scheduled by default: the first one for the web. */
  primary: EngineService
}

/** `operations.input` of an `environment_deploy`. */
const deployRequested = z.object({ commit: z.string() })

/** Reads what an `environment_deploy` is planned from. Fails as `nothing_to_deploy` where no service has a server. */
export async function deployFacts(deps: ActivityDeps, deploy: Pick<Operation, 'targetId' | 'input'>): Promise<DeployFacts> {
  const { db, keyring } = deps
  const { commit } = deployRequested.parse(deploy.input)
  const environmentId = idOf<EnvironmentId>(deploy.targetId)
  const deployed = await environmentToDeploy(db, environmentId)
  const services = await deployedServices(db, keyring, environmentId)
  const primary = services.find((service) => roleOf(service) === 'web') ?? services[0]
  const placements = await placementsOf(db, services.map(({ id }) => id))
  const [placement] = placements.filter(({ serviceId }) => serviceId === primary?.id)
  if (!primary || !placement) throw nothingToDeploy(deployed)
  const build = await buildFacts(deps, deployed, { service: primary, placement, commit })
  const snapshot: DeploySnapshot = {
    services: await snapshotServices(deps, environmentId, services, placements),
    currentArtifact: deployed.currentArtifact?.key ?? null,
    wantedArtifact: build.key,
    scheduler: schedulerFacts(deployed, primary),
    gateways: await environmentGateways(db, environmentId),
  }
  return { ...deployed, commit, services, snapshot, build, primary }
}

function nothingToDeploy({ environment }: DeployedEnvironment) {
  return finalFailure({ code: 'nothing_to_deploy', message: `${environment.name} has no service on any server.` })
}

function schedulerFacts({ environment }: DeployedEnvironment, primary: EngineService): DeploySnapshot['scheduler'] {
  const target = environment.schedulerTargetServiceId ?? primary.id
  return { targetServiceId: environment.schedulerEnabled ? target : null, currentReplicaId: environment.schedulerReplicaId }
}

async function snapshotServices(
  deps: ActivityDeps,
  environmentId: EnvironmentId,
  services: readonly EngineService[],
  placements: readonly Placement[],
): Promise<SnapshotService[]> {
  const context = await replicaContext(deps, environmentId)
  const live = await liveReplicas(deps.db, services.map(({ id }) => id))
  return services.map((service) => {
    const { id, name } = service
    const places = placements.filter(({ serviceId }) => serviceId === id)
    const own = live.filter(({ serviceId }) => serviceId === id)
    const wanted = places.flatMap((place) => wantedReplicas(context, service, place))
    const present = own.map((replica) => presentReplica(replica, places))
    return { id, name, role: roleOf(service), wanted, present }
  })
}

/** As many as are wished for at one place, with the hash that each of them would be rendered to. */
function wantedReplicas(context: ReplicaContext, service: EngineService, place: Placement): WantedReplica[] {
  const { serverId, serverName, count } = place
  const identity = {
    ...{ id: childId<ReplicaId>(service.id, 'planned'), serverId, role: roleOf(service), containerName: 'planned' },
    ...{ operationId: null, cpuLimit: null, memoryLimitMb: null },
  }
  const { configHash } = renderReplica(context, service, identity, noImage)
  return Array.from({ length: count }, () => ({ serverId, serverName, configHash }))
}

function presentReplica(replica: Replica, places: readonly Placement[]): PresentReplica {
  const { id, serverId, configHash, status, healthStatus } = replica
  const serverName = places.find((place) => place.serverId === serverId)?.serverName ?? serverId
  return { id, serverId, serverName, configHash, isHealthy: status === 'running' && healthStatus === 'healthy' }
}

/** What a service's main process is: the first of its roles. Throws where it has none that Keystone knows. */
export function roleOf({ processRoles: stored, name }: EngineService): ProcessRole {
  const role = processRoles.find((known) => known === stored[0])
  if (!role) throw new Error(`${name} has no process role`)
  return role
}
