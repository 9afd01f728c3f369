import type { z } from 'zod'
import type { ProcessRole, ServiceCategory, SliceType, DeployPolicy, DriverName } from '../../domain/services.ts'
import type { Secret } from '../../domain/secret.ts'
import type { RemoteFile } from '../ssh/remote.ts'

/** Where a service's image comes from: a tag that is resolved to a digest once, or Keystone's own build. */
export type ImagePolicy = { from: 'registry'; reference: string } | { from: 'build' }

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
}

export interface Ownership {
  organisationId: string
  environmentId: string | null
  serviceId: string
  replicaId: string
  operationId: string
}

/** Everything a replica is rendered from; equal input renders equal files. */
export interface ReplicaInput<Config> {
  ownership: Ownership
  /** Readable container name, e.g. `shop-production-web-1f2e3d4c`. */
  containerName: string
  role: ProcessRole
  /** `name@sha256:<digest>`, or `sha256:<image id>` for an image that was built on this server. */
  image: string
  imageIsLocal: boolean
  config: Config
  env: Readonly<Record<string, string | Secret>>
  /** External Docker networks to join, created before Compose. */
  networks: readonly string[]
  cpuLimit: number | null
  memoryLimitMb: number | null
  /** Ports to publish on an address of the server, for consumers on other servers. */
  publish: readonly { address: string; hostPort: number; containerPort: number }[]
}

/** A script for the executor: constant text with inputs beside it, and the parser of what it reports. */
export interface ServiceStep<Facts> {
  /** What people see, e.g. `start replica`. */
  name: string
  script: string
  inputs: Record<string, string>
  secrets: Record<string, Secret>
  files: readonly RemoteFile[]
  /** Parses `$KEYSTONE_RESULT`; throws when the script broke its promise. */
  parse(result: string): Facts
}

/** What runs, read back from Docker after `up`. */
export interface ReplicaFacts {
  containerId: string
  imageId: string
  /** The container's address on each network it joined. */
  addresses: Record<string, string>
}

/** Where consumers of a service reach it: a network alias on the same server, else a private address with an assigned port. */
export interface EndpointAddress {
  host: string
  port: number
}

/** A logical sub-resource (specification section 12) as the driver sees it. */
export interface SliceInput<Config, Credentials> {
  sliceId: string
  /** Container of the service's replica in which the step runs its client. */
  containerName: string
  config: Config
  credentials: Credentials
  /** The service's own administrative credentials. */
  admin: Readonly<Record<string, Secret>>
}

/** Slices that a data service carries: databases in Postgres, keyspaces in Valkey. */
export interface SliceDriver<Config, Credentials> {
  type: SliceType
  configSchema: z.ZodType<Config>
  credentialsSchema: z.ZodType<Credentials>
  /** A config for a new slice from a wished name; `taken` are the configs of the service's other slices. */
  configure(name: string, taken: readonly Config[]): Config
  /** Fresh random credentials. */
  generateCredentials(config: Config): Credentials
  /** Idempotent: running it twice, or over a half-made slice, gives the same slice. */
  provision(input: SliceInput<Config, Credentials>): ServiceStep<void>
  /** Removes what `provision` made; fine when it is gone already. */
  remove(input: SliceInput<Config, Credentials>): ServiceStep<void>
  /** Variables for an attached environment; `prefix` is put before each name where given (`ANALYTICS_` → `ANALYTICS_DB_HOST`). */
  exports(input: { config: Config; credentials: Credentials; endpoint: EndpointAddress; prefix: string | null }): Record<string, string | Secret>
}

/**
 * One kind of service (specification section 9). A driver is pure: typed input in, files, scripts and variables out,
 * and parsers for what the scripts report; one executor runs them.
 */
export interface ServiceDriver<Config = unknown> {
  name: DriverName
  category: ServiceCategory
  /** Human name and version track, e.g. `Postgres`, `18`. */
  label: string
  versionTrack: string
  defaultDeployPolicy: DeployPolicy
  defaultProcessRoles: readonly ProcessRole[]
  configSchema: z.ZodType<Config>
  image(config: Config): ImagePolicy
  ports(role: ProcessRole, config: Config): readonly PortSpec[]
  volumes(serviceId: string, config: Config): readonly VolumeSpec[]
  resourceDefaults: { cpuLimit: number | null; memoryLimitMb: number | null }
  update: UpdateBehaviour
  /** Stateful services keep one Compose project and replace the container in it; others run generations side by side. */
  stateful: boolean
  /** Seconds between TERM and KILL for a replica of this role. */
  stopGraceSeconds(role: ProcessRole, config: Config): number
  /** Administrative credentials made once, when the service is created; empty where a driver has none. */
  generateAdmin(): Record<string, Secret>
  /** Variables of the service's own container from its administrative credentials. */
  serviceEnv(admin: Readonly<Record<string, Secret>>, config: Config): Record<string, string | Secret>
  /** Writes the files, starts the containers, waits until they are healthy and reports them. */
  startReplica(input: ReplicaInput<Config>): ServiceStep<ReplicaFacts>
  slices: SliceDriver<never, never> | null
}
