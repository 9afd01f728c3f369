import { engineService, type EngineService } from '../db/engine-services.ts'
import { serverPlatform } from '../db/artifacts.ts'
import type { DeployedEnvironment } from '../db/releases.ts'
import { type Placement, placementsOf } from '../db/replicas.ts'
import type { ServerId, ServiceId } from '../domain/ids.ts'
import type { BaseImage, ConfiguredBuild } from '../drivers/services/contract-application.ts'
import { serviceDriver } from '../drivers/services/registry.ts'
import type { ActivityDeps } from './deps.ts'
import { finalFailure } from './failures.ts'
import { storedAs } from './image-registry.ts'

/** Where an image is built. */
export interface BuildPlace {
  serverId: ServerId
  serverName: string
  /** The service that builds; null where the environment's own server does. */
  builder: { id: ServiceId; name: string } | null
}

/** Where and from what the image is built. */
export interface BuildFacts extends BuildPlace {
  configured: ConfiguredBuild
  platform: string
  unresolved: readonly BaseImage[]
  /** Under which name the image is stored in a registry; null where the environment has none. */
  storedAs: string | null
  /** Null while a base image has no digest. */
  key: string | null
}

/** What is built for which service, and where. */
interface Wanted {
  primary: EngineService
  place: BuildPlace
  commit: string
}

export async function buildFacts(deps: ActivityDeps, deployed: DeployedEnvironment, { primary, place, commit }: Wanted): Promise<BuildFacts> {
  const { environment, application } = deployed
  const { serverId, serverName, builder } = place
  const configured = buildOf(primary, environment.buildConfig)
  const platform = await serverPlatform(deps.db, serverId)
  const name = await storedAs(deps, deployed)
  const unresolved = configured.baseImages.filter(({ reference }) => !environment.baseImageDigests[reference])
  const source = {
    commitSha: commit,
    projectRoot: application.projectRoot,
    platform,
    baseDigests: baseDigests(configured, environment.baseImageDigests),
    storedAs: name,
  }
  const key = unresolved.length > 0 ? null : configured.key(source)
  return { serverId, serverName, builder, configured, platform, unresolved, storedAs: name, key }
}

/**
 * The image is made once, by the environment's builder or else on the server of its primary service (specification section 6). Fails
 * as `builder_not_ready` where the builder runs on no server.
 */
export async function buildPlace(
  { db, keyring }: ActivityDeps,
  { environment: { builderServiceId }, placement: own }: Pick<DeployedEnvironment, 'environment'> & { placement: Placement },
): Promise<BuildPlace> {
  if (builderServiceId === null) return { serverId: own.serverId, serverName: own.serverName, builder: null }
  const service = await engineService(db, keyring, builderServiceId)
  const [placement] = await placementsOf(db, [builderServiceId])
  if (!placement || service.status !== 'running') throw builderNotReady(service.name)
  const { serverId, serverName } = placement
  return { serverId, serverName, builder: { id: service.id, name: service.name } }
}

const builderNotReady = (name: string) =>
  finalFailure({ code: 'builder_not_ready', message: `The builder ${name} is not ready.`, hint: `Deploy ${name} first, or choose another builder.` })

function buildOf({ driverName, name }: EngineService, buildConfig: unknown): ConfiguredBuild {
  const { build } = serviceDriver(driverName)
  if (!build) throw new Error(`${name} is not built from a repository`)
  return build.configured(buildConfig)
}

/** Digests by the names that the build knows them under; base images without a digest are left out. */
export function baseDigests({ baseImages }: ConfiguredBuild, digests: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(baseImages.flatMap(({ name, reference }) => (digests[reference] ? [[name, digests[reference]]] : [])))
}
