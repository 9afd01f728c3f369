import type { z } from 'zod'
import type { Platform } from '../../domain/images.ts'
import type { Limits } from '../../domain/limits.ts'
import type { DeployPolicy, DriverName, ProcessRole, ServiceCategory } from '../../domain/services.ts'
import type { ApplicationProcesses, BuildDriver } from './contract-application.ts'
import type { Gateway } from './contract-gateway.ts'
import type { SliceDriver } from './contract-slices.ts'
import type { Credentials, Ownership, ReplicaInput, ServiceStep, StoredConfig } from './contract-step.ts'

/** Where a service's image comes from: a tag that is resolved to a digest once, or Keystone's own build; none where it runs no containers. */
export type ImagePolicy = { from: 'registry'; reference: string } | { from: 'build' } | { from: 'none' }

export interface PortSpec {
  name: string
  containerPort: number
  protocol: 'tcp' | 'udp'
  /** internal: Docker networks and, where assigned, the private address; public: published on every address (the gateway). */
  exposure: 'internal' | 'public'
}

export interface VolumeSpec {
  /** The explicit Docker volume name, e.g. `keystone_service_<id>_postgres_data`. */
  name: string
  target: string
}

/** How an explicit update of the managed image behaves (specification section 11). */
export interface UpdateBehaviour {
  downtime: boolean
  dataRisk: boolean
  /** Whether a backup can be made before it. */
  backup: boolean
}

/** A step that starts containers which run until they are stopped. */
export interface StartStep extends ServiceStep<ReplicaFacts> {
  containers: readonly string[]
}

/** What runs, read back from Docker after `up`. */
export interface ReplicaFacts {
  containerId: string
  imageId: string
  /** The container's address on each network it joined. */
  addresses: Record<string, string>
  /** What is left where Docker keeps images and volumes, where that is little; else null. */
  lowDiskMb: number | null
  limits: Limits
}

/** `killed`: names of containers that were still busy when their time was over: what they did was cut off. */
export interface StopFacts {
  killed: readonly string[]
}

/** What a tag, or a digest resolved before, is on this server: pulled and present. */
export interface ImageFacts {
  /** `name@sha256:<digest>` */
  digest: string
  imageId: string
}

/** A service with its stored configuration: everything that can be derived from it. */
export interface ConfiguredService {
  /** The configuration with defaults filled in. */
  config: StoredConfig
  image: ImagePolicy
  ports(role: ProcessRole): readonly PortSpec[]
  volumes(owner: Pick<Ownership, 'serviceId' | 'environmentId'>): readonly VolumeSpec[]
  /** What goes from its servers with the service itself: folders, and networks of its own. */
  remains(owner: Pick<Ownership, 'serviceId'>): { folders: readonly string[]; networks: readonly string[] }
  /** Seconds between TERM and KILL for a replica of this role. */
  stopGraceSeconds(role: ProcessRole): number
  /** Writes the files, starts the container, waits until it is healthy and reports it. */
  startReplica(input: ReplicaInput): StartStep
  /** Stops gracefully and removes container and project folder; images, volumes and networks stay. Fine when it is gone. */
  stopReplica(input: Pick<ReplicaInput, 'ownership' | 'containerName' | 'role'>): ServiceStep<StopFacts>
  /** Commands and scheduler of an application; null for other services. */
  application: ApplicationProcesses | null
  /** Routes of a gateway; null for other services. */
  gateway: Gateway | null
  /** What builds images for environments elsewhere; null for other services. */
  builder: Builder | null
}

/** A server that builds. */
export interface Builder {
  /** How many builds it works on at once. */
  slots: number
  /** What it builds for; null: for what its server is alone. */
  platforms: readonly Platform[] | null
  /** Fails where the server lacks what a build needs. */
  check(): ServiceStep<void>
}

/**
 * One kind of service (specification section 9). A driver is pure: typed input in, files, scripts and variables out,
 * and parsers for what the scripts report; one executor runs them.
 */
export interface ServiceDriver {
  name: DriverName
  category: ServiceCategory
  /** Human name and version track, e.g. `Postgres`, `18`. */
  label: string
  versionTrack: string
  defaultDeployPolicy: DeployPolicy
  defaultProcessRoles: readonly ProcessRole[]
  configSchema: z.ZodType<StoredConfig>
  /** A change that a service which lives already cannot make, with the reason; null where it can. Throws a ZodError as `configured`. */
  refuseChange(from: unknown, to: unknown): { setting: string; reason: string } | null
  resourceDefaults: { cpuLimit: number | null; memoryLimitMb: number | null }
  update: UpdateBehaviour
  /** Stateful services keep one Compose project and replace the container in it; others run generations side by side. */
  stateful: boolean
  /** Administrative credentials made once, when the service is created; empty where a driver has none. */
  generateAdmin(): Credentials
  /** Throws a ZodError where the configuration does not fit the schema. */
  configured(config: unknown): ConfiguredService
  /** Slices made inside the running service; a gateway's routes are `ConfiguredService.gateway`. */
  slices: SliceDriver | null
  /** How an image is made from a commit; null where images are pulled. */
  build: BuildDriver | null
}
