import type { EngineService } from '../db/engine-services.ts'
import { serverPlatform } from '../db/artifacts.ts'
import type { DeployedEnvironment } from '../db/releases.ts'
import type { Placement } from '../db/replicas.ts'
import type { ServerId } from '../domain/ids.ts'
import type { BaseImage, ConfiguredBuild } from '../drivers/services/contract-application.ts'
import { serviceDriver } from '../drivers/services/registry.ts'
import type { ActivityDeps } from './deps.ts'
import { storedAs } from './image-registry.ts'

/** Where and from what the image is built. */
export interface BuildFacts {
  serverId: ServerId
  serverName: string
  configured: ConfiguredBuild
  platform: string
  unresolved: readonly BaseImage[]
  /** Under which name the image is stored in a registry; null where the environment has none. */
  storedAs: string | null
  /** Null while a base image has no digest. */
  key: string | null
}

/** What is built, and for which service on which server. */
interface BuildPlace {
  service: EngineService
  placement: Placement
  commit: string
}

/** The image is made on the server of the primary service, which is the only one (specification section 6). */
export async function buildFacts(deps: ActivityDeps, deployed: DeployedEnvironment, place: BuildPlace): Promise<BuildFacts> {
  const { environment, application } = deployed
  const { serverId, serverName } = place.placement
  const configured = buildOf(place.service, environment.buildConfig)
  const platform = await serverPlatform(deps.db, serverId)
  const name = await storedAs(deps, deployed)
  const unresolved = configured.baseImages.filter(({ reference }) => !environment.baseImageDigests[reference])
  const source = {
    commitSha: place.commit,
    projectRoot: application.projectRoot,
    platform,
    baseDigests: baseDigests(configured, environment.baseImageDigests),
    storedAs: name,
  }
  const key = unresolved.length > 0 ? null : configured.key(source)
  return { serverId, serverName, configured, platform, unresolved, storedAs: name, key }
}

function buildOf({ driverName, name }: EngineService, buildConfig: unknown): ConfiguredBuild {
  const { build } = serviceDriver(driverName)
  if (!build) throw new Error(`${name} is not built from a repository`)
  return build.configured(buildConfig)
}

/** Digests by the names that the build knows them under; base images without a digest are left out. */
export function baseDigests({ baseImages }: ConfiguredBuild, digests: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(baseImages.flatMap(({ name, reference }) => (digests[reference] ? [[name, digests[reference]]] : [])))
}
