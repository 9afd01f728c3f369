import type { ReplicaId, ServiceId } from './ids.ts'
import type { SeenRules } from './server-rules.ts'

/** What was seen on a server at one moment, whoever made it so. */
export interface Seen {
  /** Everything that carries the organisation's label; null where Docker did not answer. */
  containers: readonly SeenContainer[] | null
  /** SHA-256 of each file that was asked for, in hex; null where it is gone or cannot be read. */
  files: Readonly<Record<string, string | null>>
  /** The rules for assigned ports as the kernel lists them, a line each; null where they are not in force. */
  firewall: string | null
  rules: SeenRules
  /** Null where no gateway was asked for, or it gave no answer. */
  gateway: SeenGateway | null
  measures: Measures
}

export interface SeenContainer {
  id: string
  name: string
  /** Of its labels; what somebody else wrote there need not be an id. */
  environmentId: string | null
  serviceId: string | null
  replicaId: string | null
  isScheduler: boolean
  /** What it was made from: `name@sha256:…` or an image id. */
  image: string
  /** As Docker calls it: created, running, paused, restarting, exited, dead. */
  status: string
  /** `none` where it has no health check. */
  health: 'starting' | 'healthy' | 'unhealthy' | 'none'
  exitCode: number
  restarts: number
  cpuLimit: number | null
  memoryLimitMb: number | null
}

/** What a gateway runs, and whether that is what its file says. */
export interface SeenGateway {
  revision: number
  /** Hashes of the routes' sections in what runs. */
  sections: readonly string[]
  /** SHA-256 of the file that the running configuration was loaded from. */
  fileHash: string
  /** Somebody may change what runs without the file. */
  runsItsFile: boolean
}

/** How a server is. */
export interface Measures {
  /** Of where Docker keeps images and volumes. */
  diskFreeMb: number
  diskTotalMb: number
  memoryAvailableMb: number
  memoryTotalMb: number
  /** Processes that ran or waited to, on average of the last minute. */
  load: number
  cpus: number
  /** Seconds since the server was started. */
  uptimeSeconds: number
  /** How far its clock is ahead of Keystone's, as far as the way there and back allows to tell. */
  clockAheadMs: number
  /** The version of Docker that runs; null where it does not answer. */
  docker: string | null
}

/** A replica that is to run, with what it has on its server. */
export interface ExpectedReplica {
  id: ReplicaId
  serviceId: ServiceId
  serviceName: string
  environmentId: string | null
  environmentName: string | null
  containerName: string
  containerId: string | null
  image: string
  cpuLimit: number | null
  memoryLimitMb: number | null
  ticks: boolean
  footprint: Footprint
}

/** What a replica was given on its server. */
export interface Footprint {
  /** SHA-256 of each of its files, in hex, by path. */
  files: Readonly<Record<string, string>>
  /** Names of its containers that always run; its scheduler does where it is in charge. */
  containers: readonly string[]
}

export interface ExpectedGateway {
  serviceId: ServiceId
  containerName: string
  /** SHA-256 of the text of the revision that it says it runs; null where Keystone has written none of that number. */
  revisionHash: string | null
  /** Its routes that are live, by the hash of their section. */
  routes: Readonly<Record<string, string>>
}

/** What a server should look like by the database. */
export interface Expected {
  serverId: string
  serverName: string
  /** Those that are to run. */
  replicas: readonly ExpectedReplica[]
  /** Replicas that may have containers, whether these run or not. */
  known: readonly string[]
  gateway: ExpectedGateway | null
  /** The rules that it was seen to have when it took them; null where it has none. */
  firewall: string | null
}
