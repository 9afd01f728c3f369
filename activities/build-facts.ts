import { engineService, type EngineService } from '../db/engine-services.ts'
import { type BuildSecrets, buildSecrets } from '../db/build-secrets.ts'
import type { DeployedEnvironment } from '../db/releases.ts'
import { type Placement, placementsOf } from '../db/replicas.ts'
import { type BuildsFor, platformsToBuild } from '../domain/builds.ts'
import type { ServerId, ServiceId } from '../domain/ids.ts'
import type { Platform } from '../domain/images.ts'
import type { BaseImage, ConfiguredBuild } from '../drivers/services/contract-application.ts'
import { serviceDriver } from '../drivers/services/registry.ts'
import { builderOf } from './configured-services.ts'
import type { PlanningDeps } from './deps.ts'
import { finalFailure } from './failures.ts'
import { storedAs } from './image-registry.ts'
import { platformsOf } from './platforms.ts'

/** Where an image is built. */
export interface BuildPlace {
  serverId: ServerId
  serverName: string
  /** The service that builds; null where the environment's own server does. */
  builder: { id: ServiceId; name: string } | null
  /** What it builds for: the platforms of the environment's servers. */
  platforms: readonly Platform[]
}

/** Where and from what the image is built. */
export interface BuildFacts extends BuildPlace {
  configured: ConfiguredBuild
  unresolved: readonly BaseImage[]
  /** Under which name the image is stored in a registry; null where the environment has none. */
  storedAs: string | null
  /** Null while a base image has no digest. */
  key: string | null
  /** What the build is given, with what stands for each value in the key. */
  secrets: BuildSecrets
}

/** What is built for which service, and where. */
interface Wanted {
  primary: EngineService
  place: BuildPlace
  commit: string
}

export async function buildFacts(deps: PlanningDeps, deployed: DeployedEnvironment, { primary, place, commit }: Wanted): Promise<BuildFacts> {
  const { environment, application } = deployed
  const configured = buildOf(primary, environment.buildConfig)
  const name = await storedAs(deps, deployed)
  const secrets = await buildSecrets(deps.db, deps.keyring, environment.id)
  const unresolved = configured.baseImages.filter(({ reference }) => !environment.baseImageDigests[reference])
  const source = {
    commitSha: commit,
    projectRoot: application.projectRoot,
    platforms: place.platforms,
    baseDigests: baseDigests(configured, environment.baseImageDigests),
    storedAs: name,
    secretVersions: secrets.versions,
  }
  const key = unresolved.length > 0 ? null : configured.key(source)
  return { ...place, configured, unresolved, storedAs: name, key, secrets }
}

/** An environment whose image is to be built, and its own servers. */
interface ToBuild extends Pick<DeployedEnvironment, 'environment'> {
  /** Of the primary service. */
  placement: Placement
  /** Of all services. */
  placements: readonly Placement[]
}

/**
 * The image is made once, by the environment's builder or else on the server of its primary service (specification section 6). Fails
 * as `builder_not_ready` where the builder runs on no server, and as `mixed_architectures` where it does not build for all of them.
 */
export async function buildPlace(deps: PlanningDeps, { environment, placement: own, placements }: ToBuild): Promise<BuildPlace> {
  const { serverId, serverName, builder, offered } = await builderPlace(deps, environment, own)
  const servers = await platformsOf(deps.db, placements.map((placement) => placement.serverId))
  const [platform] = await platformsOf(deps.db, [serverId])
  const platforms = platform && platformsToBuild(servers, { own: platform, offered })
  if (!platforms) throw mixedArchitectures(serverName, servers)
  return { serverId, serverName, builder, platforms }
}

async function builderPlace(
  { db, keyring }: PlanningDeps,
  { builderServiceId }: DeployedEnvironment['environment'],
  own: Placement,
): Promise<Omit<BuildPlace, 'platforms'> & Pick<BuildsFor, 'offered'>> {
  if (builderServiceId === null) return { serverId: own.serverId, serverName: own.serverName, builder: null, offered: null }
  const service = await engineService(db, keyring, builderServiceId)
  const [placement] = await placementsOf(db, [builderServiceId])
  if (!placement || service.status !== 'running') throw builderNotReady(service.name)
  const { serverId, serverName } = placement
  return { serverId, serverName, builder: { id: service.id, name: service.name }, offered: builderOf(service).platforms }
}

const builderNotReady = (name: string) =>
  finalFailure({ code: 'builder_not_ready', message: `The builder ${name} is not ready.`, hint: `Deploy ${name} first, or choose another builder.` })

const mixedArchitectures = (serverName: string, platforms: readonly string[]) =>
  finalFailure({
    code: 'mixed_architectures',
    message: `${serverName} does not build for ${platforms.toSorted().join(' and ')}.`,
    hint: 'Have the image built by a builder with all of them as its platforms.',
  })

function buildOf({ driverName, name }: EngineService, buildConfig: unknown): ConfiguredBuild {
  const { build } = serviceDriver(driverName)
  if (!build) throw new Error(`${name} is not built from a repository`)
  return build.configured(buildConfig)
}

/** Digests by the names that the build knows them under; base images without a digest are left out. */
export function baseDigests({ baseImages }: ConfiguredBuild, digests: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(baseImages.flatMap(({ name, reference }) => (digests[reference] ? [[name, digests[reference]]] : [])))
}
