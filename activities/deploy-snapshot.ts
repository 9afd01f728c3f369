import { z } from 'zod'
import type { EngineService } from '../db/engine-services.ts'
import { environmentGateways } from '../db/gateways.ts'
import { childId, idOf } from '../db/ids.ts'
import type { Operation } from '../db/operations/request.ts'
import type { PinnedVariables } from '../db/releases.ts'
import { liveReplicas, type Placement, type Replica } from '../db/replicas.ts'
import { type Variable, variablesOf } from '../db/variables.ts'
import type { EnvironmentDeployPlan } from '../domain/deploy-plan.ts'
import type { DeploySnapshot, PresentReplica, SnapshotService, WantedReplica } from '../domain/deploy-snapshot.ts'
import type { EnvironmentId, ReplicaId } from '../domain/ids.ts'
import { limitsAt } from '../domain/limits.ts'
import { revealed } from '../domain/secret.ts'
import { type ChangedVariables, changedVariables } from '../domain/variables.ts'
import { adviceFor } from './advice.ts'
import { type BuildFacts, buildFacts, type BuildPlace, buildPlace } from './build-facts.ts'
import { applicationOf } from './configured-services.ts'
import type { PlanningDeps } from './deps.ts'
import { type PlacedEnvironment, placedEnvironment, roleOf } from './placed-environment.ts'
import { anyHostPort, noImage, type RenderedReplica, type ReplicaContext, renderReplica, replicaContext } from './replica-input.ts'

/** What an environment has and what it should have, from which a deploy or a rollback is planned. */
export interface RolloutFacts extends PlacedEnvironment {
  /** Null where an image that was built elsewhere does not say. */
  commit: string | null
  snapshot: DeploySnapshot
  /** The user's variables that the replicas get. */
  variables: PinnedVariables
}

/** A deploy, with the image that it needs: one that is built, or one that was built elsewhere, `name@sha256:…`. */
export interface DeployFacts extends RolloutFacts {
  source: BuildFacts | { given: string }
}

/** A deploy of a commit, with where and from what its image is built. */
export interface BuiltDeployFacts extends RolloutFacts {
  commit: string
  source: BuildFacts
}

/** `operations.input` of an `environment_deploy`. */
const deployRequested = z.union([z.object({ image: z.string(), commit: z.string().nullable() }), z.object({ commit: z.string() })])

/**
 * Reads what an `environment_deploy` is planned from. Once there is a plan, the image is built where this says, whatever the environment
 * is set to meanwhile. Fails as `nothing_to_deploy` where no service has a server.
 */
export async function deployFacts(deps: PlanningDeps, deploy: Pick<Operation, 'targetId' | 'input' | 'plan'>): Promise<DeployFacts> {
  const requested = deployRequested.parse(deploy.input)
  const environmentId = idOf<EnvironmentId>(deploy.targetId)
  const found = await placedEnvironment(deps, environmentId)
  const source = 'image' in requested ? { given: requested.image } : await builtSource(deps, found, { plan: deploy.plan, commit: requested.commit })
  const variables = pinnedVariables(await variablesOf(deps.db, deps.keyring, environmentId))
  const context = await replicaContext(deps, found.primary, variables.values)
  const snapshot = await snapshotOf(deps, found, { context, wantedArtifact: 'given' in source ? source.given : source.key })
  return { ...found, commit: requested.commit, snapshot, source, variables }
}

async function builtSource(
  deps: PlanningDeps,
  found: PlacedEnvironment,
  { plan, commit }: Pick<Operation, 'plan'> & { commit: string },
): Promise<BuildFacts> {
  const place = (plan && plannedPlace(plan)) ?? (await buildPlace(deps, found))
  return buildFacts(deps, found, { primary: found.primary, place, commit })
}

const plannedPlace = ({ build: { serverId, serverName, builder = null, platforms } }: EnvironmentDeployPlan): BuildPlace | null =>
  platforms ? { serverId, serverName, builder, platforms } : null

/** Whether Keystone builds the image of a deploy: then it is that of a commit. */
export const isBuilt = (facts: DeployFacts): facts is BuiltDeployFacts => !('given' in facts.source) && facts.commit !== null

/** The same for a deploy that builds. Throws where it deploys an image that was built elsewhere. */
export async function builtDeployFacts(deps: PlanningDeps, deploy: Pick<Operation, 'targetId' | 'input' | 'plan'>): Promise<BuiltDeployFacts> {
  const facts = await deployFacts(deps, deploy)
  if (!isBuilt(facts)) throw new Error('the image of this deploy is not built by Keystone')
  return facts
}

/** What the replicas are to be rendered with, and the key of the artifact that they need. */
interface Wanted {
  context: ReplicaContext
  wantedArtifact: string | null
}

/** What is there, beside what the services of `found` would come out as. */
export async function snapshotOf(
  deps: PlanningDeps,
  found: PlacedEnvironment,
  { context, wantedArtifact }: Wanted,
): Promise<DeploySnapshot> {
  const { db } = deps
  const { services, primary, placement } = found
  const live = await liveReplicas(db, services.map(({ id }) => id))
  const gateways = await environmentGateways(db, found.environment.id)
  const { env } = renderPlanned(context, primary, placement).input
  const webServices = services.filter((service) => roleOf(service) === 'web')
  return {
    services: snapshotServices(found, context, live),
    currentArtifact: found.currentArtifact?.key ?? null,
    wantedArtifact,
    currentImage: found.currentArtifact?.imageDigest ?? null,
    scheduler: schedulerFacts(found, live),
    queueConnection: env.QUEUE_CONNECTION === undefined ? null : revealed(env.QUEUE_CONNECTION),
    hasEmbeddedWorker: webServices.some((service) => applicationOf(service).embeddedWorker),
    batchSize: found.environment.rolloutBatchSize,
    gateways,
    advice: await adviceFor(deps, found, { context, gateways, env, webServices }),
  }
}

/** The user's variables that are not as the live release has them. */
export const changedSince = ({ currentVariables, variables }: Pick<RolloutFacts, 'currentVariables' | 'variables'>): ChangedVariables =>
  changedVariables(currentVariables ?? {}, variables.versions)

/** Only the user's: managed and system values are resolved again whenever a replica is started. */
export function pinnedVariables(variables: readonly Variable[]): PinnedVariables {
  const own = variables.filter(({ source }) => source === 'user')
  return {
    values: Object.fromEntries(own.map(({ key, value }) => [key, value])),
    versions: Object.fromEntries(own.map(({ key, version }) => [key, version])),
  }
}

function schedulerFacts({ environment, primary }: PlacedEnvironment, live: readonly Replica[]): DeploySnapshot['scheduler'] {
  const { schedulerEnabled, schedulerMode, schedulerTargetServiceId } = environment
  return {
    targetServiceId: schedulerEnabled ? (schedulerTargetServiceId ?? primary.id) : null,
    mode: schedulerMode,
    tickingReplicaIds: live.filter(({ ticks }) => ticks).map(({ id }) => id),
  }
}

function snapshotServices(
  { services, placements }: PlacedEnvironment,
  context: ReplicaContext,
  live: readonly Replica[],
): SnapshotService[] {
  return services.map((service) => {
    const { id, name } = service
    const places = placements.filter(({ serviceId }) => serviceId === id)
    const own = live.filter(({ serviceId }) => serviceId === id)
    const wanted = places.flatMap((place) => wantedReplicas(context, service, place))
    const present = own.map((replica) => presentReplica(replica, places))
    return { id, name, role: roleOf(service), wanted, present, left: leftOf(service) }
  })
}

/** Why a deploy of its environment leaves a service alone (specification section 2). */
export function leftOf({ status, deployPolicy }: EngineService): SnapshotService['left'] {
  if (status === 'stopped') return 'stopped'
  return deployPolicy === 'with_environment' ? null : 'manual'
}

/** As many as are wished for at one place, with the hash that each of them would be rendered to. */
function wantedReplicas(context: ReplicaContext, service: EngineService, place: Placement): WantedReplica[] {
  const { serverId, serverName, count } = place
  const { configHash } = renderPlanned(context, service, place)
  return Array.from({ length: count }, () => ({ serverId, serverName, configHash }))
}

function renderPlanned(context: ReplicaContext, service: EngineService, { serverId, limits }: Placement): RenderedReplica {
  const identity = {
    ...{ id: childId<ReplicaId>(service.id, 'planned'), serverId, role: roleOf(service), containerName: 'planned' },
    ...{ operationId: null, ...limitsAt(limits, service), hostPort: anyHostPort },
  }
  return renderReplica(context, service, identity, noImage)
}

function presentReplica(replica: Replica, places: readonly Placement[]): PresentReplica {
  const { id, serverId, configHash, imageDigest, status, healthStatus, traffic, isAltered } = replica
  const serverName = places.find((place) => place.serverId === serverId)?.serverName ?? serverId
  // One that has not come back from a reboot is in no gateway: another one has to take its place.
  const isHealthy = status === 'running' && healthStatus === 'healthy' && traffic !== 'away'
  return { id, serverId, serverName, configHash, imageDigest, isAltered, isHealthy }
}
