import type { z } from 'zod'
import type { Platform } from '../../domain/images.ts'
import type { Limits } from '../../domain/limits.ts'
import type { DeployPolicy, DriverName, ProcessRole, ServiceCategory } from '../../domain/services.ts'
import type { Secret } from '../../domain/secret.ts'
import type { RemoteFile } from '../ssh/remote.ts'
import type { ApplicationProcesses, BuildDriver } from './contract-application.ts'
import type { Gateway } from './contract-gateway.ts'
import type { SliceDriver } from './contract-slices.ts'

/** JSON as the database holds it; a driver parses it with its own schema. */
export type StoredConfig = Record<string, unknown>

/** Named secrets that the database seals as one JSON object: administrative ones of a service, or those of a slice. */
export type Credentials = Readonly<Record<string, Secret>>

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

/** Whose a container is. `operationId` is the operation that made the replica: a later one does not change its labels. */
export interface Ownership {
  organisationId: string
  environmentId: string | null
  serviceId: string
  replicaId: string
  operationId: string
}

/** Everything a replica is rendered from; equal input renders equal files, and equal files leave a running container alone. */
export interface ReplicaInput {
  ownership: Ownership
  /** Readable container name, e.g. `shop-production-web-1f2e3d4c`. */
  containerName: string
  role: ProcessRole
  /** `name@sha256:<digest>`, or `sha256:<image id>` for an image that was built on this server. */
  image: string
  imageIsLocal: boolean
  env: Readonly<Record<string, string | Secret>>
  /** Docker networks of the attached services; the driver itself adds the gateway's or the service's own. */
  networks: readonly string[]
  cpuLimit: number | null
  memoryLimitMb: number | null
  /** Ports to publish on addresses of the server, for consumers on other servers. */
  publish: readonly { address: string; isPublic: boolean; hostPort: number; containerPort: number }[]
  /** The service's administrative credentials; empty where the driver has none. */
  admin: Credentials
  /** Container of the gateway on this server that is to route to it, and asks it before; null where there is none. */
  gateway: string | null
}

/** A script for the executor: constant text with inputs beside it, and the parser of what it reports. */
export interface ServiceStep<Facts> {
  /** What people see, e.g. `start replica`. */
  name: string
  script: string
  inputs: Record<string, string>
  secrets: Record<string, Secret>
  files: readonly RemoteFile[]
  /** The user's command line, where it runs one. */
  command?: string
  /** What a failure means, by what the script reported; null where the exit code says it all. */
  explain?(result: string): StepExplanation | null
  /** Parses `$KEYSTONE_RESULT`; throws when the script broke its promise. */
  parse(result: string): Facts
}

/** A failure that has a code of its own, and what to do then. */
export interface StepExplanation {
  code: string
  message: string
  hint: string
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
