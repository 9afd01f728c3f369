import type { ProcessRole } from '../../domain/services.ts'
import type { Secret } from '../../domain/secret.ts'
import type { RemoteFile } from '../ssh/remote.ts'

/** JSON as the database holds it; a driver parses it with its own schema. */
export type StoredConfig = Record<string, unknown>

/** Named secrets that the database seals as one JSON object: administrative ones of a service, or those of a slice. */
export type Credentials = Readonly<Record<string, Secret>>

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
