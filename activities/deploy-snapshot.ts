import { deployedServices, type EngineService } from '../db/engine-services.ts'
import { environmentGateways } from '../db/gateways.ts'
import { childId } from '../db/ids.ts'
import { type DeployedEnvironment, environmentToDeploy, serverPlatform } from '../db/releases.ts'
import { liveReplicas, placementsOf, type NewReplica, type Placement, type Replica } from '../db/replicas.ts'
import type { DeploySnapshot, SnapshotService } from '../domain/deploy-plan.ts'
import type { EnvironmentId, OperationId, ReplicaId, ServerId, ServiceId } from '../domain/ids.ts'
import { type ProcessRole, processRoles, replicaAlias } from '../domain/services.ts'
import type { BaseImage, ConfiguredBuild } from '../drivers/services/contract-application.ts'
import { serviceDriver } from '../drivers/services/registry.ts'
import type { ActivityDeps } from './deps.ts'
import { finalFailure } from './failures.ts'
import { noImage, renderReplica, replicaContext } from './replica-input.ts'

/** The rows from which a deploy is planned, with the hashes of what they would be rendered to. */
export interface DeployFacts extends DeployedEnvironment {
  services: readonly EngineService[]
  placements: readonly Placement[]
  snapshot: DeploySnapshot
  build: BuildFacts
  /** The service that migrates and is scheduled by default: the first one for the web. */
  primary: EngineService
}

interface BuildFacts {
  serverId: ServerId
  serverName: string
  configured: ConfiguredBuild
  platform: string
  unresolved: readonly BaseImage[]
  /** Null while a base image has no digest. */
  key: string | null
}

export async function deployFacts(deps: ActivityDeps, environmentId: EnvironmentId, commitSha: string): Promise<DeployFacts> {
  const { db, keyring } = deps
  const deployed = await environmentToDeploy(db, environmentId)
  const services = await deployedServices(db, keyring, environmentId)
  const primary = services.find((service) => roleOf(service) === 'web') ?? services[0]
  const placements = await placementsOf(db, services.map(({ id }) => id))
  const [first] = placements.filter(({ serviceId }) => serviceId === primary?.id)
  if (!primary || !first) throw finalFailure({ code: 'nothing_to_deploy', message: `${deployed.environment.name} has no service on any server.` })
  const build = await buildFacts(deps, deployed, { service: primary, placement: first, commitSha })
  const snapshot: DeploySnapshot = {
    services: await snapshotServices(deps, environmentId, services, placements),
    currentArtifact: deployed.currentArtifact?.key ?? null,
    wantedArtifact: build.key,
    scheduler: {
      targetServiceId: deployed.environment.schedulerEnabled ? (deployed.environment.schedulerTargetServiceId ?? primary.id) : null,
      currentReplicaId: deployed.environment.schedulerReplicaId,
    },
    gateways: await environmentGateways(db, environmentId),
  }
  return { ...deployed, services, placements, snapshot, build, primary }
}

interface BuildPlace {
  service: EngineService
  placement: Placement
  commitSha: string
}

/** The image is made on the server of the primary service, which is the only one (specification section 6). */
async function buildFacts({ db }: ActivityDeps, { environment, application }: DeployedEnvironment, place: BuildPlace): Promise<BuildFacts> {
  const { serverId, serverName } = place.placement
  const configured = buildOf(place.service, environment.buildConfig)
  const platform = await serverPlatform(db, serverId)
  const unresolved = configured.baseImages.filter(({ reference }) => !environment.baseImageDigests[reference])
  const source = { commitSha: place.commitSha, projectRoot: application.projectRoot, platform }
  const key = unresolved.length > 0 ? null : configured.key({ ...source, baseDigests: baseDigests(configured, environment.baseImageDigests) })
  return { serverId, serverName, configured, platform, unresolved, key }
}

function buildOf({ driverName, name }: EngineService, buildConfig: unknown): ConfiguredBuild {
  const { build } = serviceDriver(driverName)
  if (!build) throw new Error(`${name} is not built from a repository`)
  return build.configured(buildConfig)
}

/** Digests by the names that the build knows them under. */
export function baseDigests({ baseImages }: ConfiguredBuild, digests: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(baseImages.flatMap(({ name, reference }) => (digests[reference] ? [[name, digests[reference]]] : [])))
}

async function snapshotServices(
  deps: ActivityDeps,
  environmentId: EnvironmentId,
  services: readonly EngineService[],
  placements: readonly Placement[],
): Promise<SnapshotService[]> {
  const context = await replicaContext(deps, environmentId)
  const present = await liveReplicas(deps.db, services.map(({ id }) => id))
  const isServing = (replica: Replica) => replica.status === 'running' && replica.healthStatus === 'healthy'
  return services.map((service) => {
    const places = placements.filter(({ serviceId }) => serviceId === service.id)
    const wanted = places.flatMap(({ serverId, serverName, count }) => {
      const identity = { id: childId<ReplicaId>(service.id, 'planned'), serverId, containerName: 'planned', operationId: null }
      const { configHash } = renderReplica(context, service, { ...identity, role: roleOf(service), cpuLimit: null, memoryLimitMb: null }, noImage)
      return Array.from({ length: count }, () => ({ serverId, serverName, configHash }))
    })
    const own = present.filter(({ serviceId }) => serviceId === service.id)
    const name = (id: ServerId) => places.find(({ serverId }) => serverId === id)?.serverName ?? id
    return {
      id: service.id,
      name: service.name,
      role: roleOf(service),
      wanted,
      present: own.map((replica) => ({ ...replica, serverName: name(replica.serverId), isHealthy: isServing(replica) })),
    }
  })
}

function roleOf({ processRoles: stored, name }: EngineService): ProcessRole {
  const role = processRoles.find((known) => known === stored[0])
  if (!role) throw new Error(`${name} has no process role`)
  return role
}

/** The row of a planned replica. */
export function plannedRow(facts: DeployFacts, rootId: OperationId, serviceId: ServiceId, replica: { id: ReplicaId; serverId: ServerId }): NewReplica {
  const service = facts.services.find(({ id }) => id === serviceId)
  if (!service) throw new Error(`service ${serviceId} is not part of the deploy`)
  const role = roleOf(service)
  const [port] = serviceDriver(service.driverName).configured(service.config).ports(role)
  return {
    ...replica,
    serviceId,
    operationId: rootId,
    role,
    containerName: [facts.application.name, facts.environment.name, service.name, replica.id.slice(-8)].join('-'),
    imageDigest: '',
    internalHost: replicaAlias(replica.id),
    internalPort: port?.containerPort ?? 1,
    status: 'starting',
    configHash: '',
    config: service.config,
  }
}
