import type { ReplicaId, ServerId, ServiceId } from './ids.ts'
import type { Recommended } from './recommendations.ts'
import type { SchedulerMode } from './scheduler.ts'
import type { ProcessRole } from './services.ts'
import type { Warning } from './warnings.ts'

/** What an environment should have and what it has, from which a plan is computed (design section 8). */

/** A replica as it should be. */
export interface WantedReplica {
  serverId: ServerId
  serverName: string
  /** Hash of all that it is rendered from but its image and its own identity. */
  configHash: string
}

/** A replica that is, or may be, on its server. */
export interface PresentReplica {
  id: ReplicaId
  serverId: ServerId
  serverName: string
  configHash: string
  /** Of the image that its container was started from; empty before that. */
  imageDigest: string
  isHealthy: boolean
  /** Somebody has changed on its server what it was given there. */
  isAltered: boolean
}

/** A service of the environment: what it should have, and what it has. */
export interface SnapshotService {
  id: ServiceId
  name: string
  role: ProcessRole
  wanted: readonly WantedReplica[]
  present: readonly PresentReplica[]
  /** Why it stays as it is, whatever else changes; nothing where it is taken along. */
  left?: LeftReason | null
  /** Every replica of it is replaced, though nothing of it may have changed. */
  renewal?: 'started' | 'restarted' | null
}

/**
 * Why a rollout leaves a service alone: it is stopped, and stays so until it is started; it is deployed on its own; or the operation
 * is about another service.
 */
export type LeftReason = 'stopped' | 'manual' | 'not concerned'

/** A gateway that routes to the environment. */
export interface SnapshotGateway {
  serviceId: ServiceId
  name: string
  serverId: ServerId
  serverName: string
  isStopped: boolean
}

/** All that a deploy is planned from. */
export interface DeploySnapshot {
  services: readonly SnapshotService[]
  /** Artifact of the last successful release, and the one that this deploy would need; null where that is not known yet. */
  currentArtifact: string | null
  wantedArtifact: string | null
  /** Image of the last successful release; a replica may run another one, where its service was deployed on its own. */
  currentImage?: string | null
  /** Null: nothing is to tick. */
  scheduler: { targetServiceId: ServiceId | null; mode: SchedulerMode; tickingReplicaIds: readonly ReplicaId[] }
  /** QUEUE_CONNECTION as the primary service will see it; null where nobody sets it. */
  queueConnection: string | null
  /** A worker beside each web replica. */
  hasEmbeddedWorker: boolean
  /** On how many servers at once a new version is started and gets traffic; null: on all of them. */
  batchSize: number | null
  /** Gateways that route to the environment. */
  gateways: readonly SnapshotGateway[]
  /** What is known beside that, and what may be recommended. */
  advice: Recommended & { findings: readonly Warning[] }
}
