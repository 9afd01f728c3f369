import type { LeftReason } from './deploy-snapshot.ts'
import type { PlannedFirewall } from './firewall.ts'
import type { ArtifactId, EnvironmentId, OperationId, ReleaseId, ReplicaId, ServerId, ServiceId } from './ids.ts'
import type { Platform } from './images.ts'
import type { ProcessRole } from './services.ts'
import type { ChangedVariables } from './variables.ts'
import type { Warning } from './warnings.ts'

/** What an environment's deploy will do and why (design section 8): the stored plan is executed, and shown to people. */

/** Why a service is deployed. */
export type ServiceReason = 'first deploy' | 'new image' | 'configuration changed' | 'placement changed' | 'not healthy' | 'changed on its server' | 'started' | 'restarted'

/** A replica that will be started, and the operation that does it. */
export interface PlannedReplica {
  id: ReplicaId
  operationId: OperationId
  serverId: ServerId
  serverName: string
  /** The gateway on its server that asks it before it gets any traffic. */
  askedBy: ServiceId | null
}

/** A service that will be deployed, on the servers of one batch: a later one begins when the ones before have their traffic. */
export interface PlannedService {
  id: ServiceId
  /** Counts from 0; stored plans of before there were batches have none. */
  batch?: number
  name: string
  role: ProcessRole
  operationId: OperationId
  reason: ServiceReason
  replicas: readonly PlannedReplica[]
  /** What runs now and is retired once the new replicas have taken over; what else runs stays. */
  retiring: readonly ReplicaId[]
}

/** A gateway that will switch traffic to the replicas of one batch, and the operation that does it. */
export interface PlannedGateway {
  serviceId: ServiceId
  batch?: number
  operationId: OperationId
  serverId: ServerId
  serverName: string
  /** New replicas on other servers, which it asks before they get any traffic. */
  asks: readonly ReplicaId[]
}

/** What will change, service by service, and why. */
export interface DeployPlan {
  isUnchanged: boolean
  services: readonly PlannedService[]
  /** Services that stay exactly as they are. */
  kept: readonly KeptService[]
  gateways: readonly PlannedGateway[]
  isImageNew: boolean
  /** The replicas whose schedulers will tick; those that do already stay where they can. */
  schedulers: readonly ReplicaId[]
  /** What the user should know, e.g. that no worker runs the jobs. */
  warnings: readonly Warning[]
}

/** A service that stays exactly as it is; `because` where that does not follow from what there is. */
export interface KeptService {
  id: ServiceId
  name: string
  because?: Exclude<LeftReason, 'not concerned'>
}

/** A command of the application in a container of its own. */
export interface PlannedMigration {
  replicaId: ReplicaId
  serverName: string
  command: string
  timing: 'pre_switch' | 'post_switch'
}

/** A pre-switch or post-switch command; `name` is the one of its step. */
export interface PlannedCommand extends PlannedMigration {
  name: string
}

/** An image that need not be built: a container of it runs where it would be, or it was built elsewhere. */
export interface RunningImage {
  artifactId: ArtifactId
  reference: string
}

/** A server that pulls the image ahead of the switch. */
export interface PlannedPull {
  serverId: ServerId
  serverName: string
}

/** The plan with where and from what the image is built, or looked for; operations keep it as it was executed. */
export interface EnvironmentDeployPlan extends DeployPlan {
  environmentId: EnvironmentId
  /** The live release, where it is that the new replicas get their variables from: of an operation that makes none itself. */
  releaseId?: ReleaseId | null
  /** Null where an image that was built elsewhere does not say. */
  commit: string | null
  build: {
    serverId: ServerId
    serverName: string
    /** The service that builds there, after those that came to it before; null where the server is one of the environment's own. */
    builder?: { id: ServiceId; name: string } | null
    /** What it is built for; none where nothing is. */
    platforms?: readonly Platform[]
    /** Base images whose digest has not been resolved yet. */
    unresolved: readonly { name: string; reference: string }[]
    running: RunningImage | null
    /** Servers that get the image from a registry; plans of before there were registries have none. */
    pulls?: readonly PlannedPull[]
  }
  migration: PlannedMigration | null
  /** Of the primary service, in their order; plans of before there were any have none. */
  commands?: readonly PlannedCommand[]
  /** The user's variables that are not as the live release has them; plans of before do not say. */
  variables?: ChangedVariables
  /** Servers that let others reach new replicas, or new servers reach what they have; of an unchanged one, those that let nobody in any more. */
  firewalls?: readonly PlannedFirewall[]
}

/** The parts of a plan in the order of their batches, each with its services and gateways. */
export function batchesOfPlan({ services, gateways }: Pick<DeployPlan, 'services' | 'gateways'>) {
  const numbers = [...new Set([...services, ...gateways].map(({ batch = 0 }) => batch))].toSorted((one, other) => one - other)
  return numbers.map((number) => ({
    services: services.filter(({ batch = 0 }) => batch === number),
    gateways: gateways.filter(({ batch = 0 }) => batch === number),
  }))
}

/** The servers of a plan's new replicas, each once, but for the one that has the image anyway. */
export function serversToPull({ services }: Pick<DeployPlan, 'services'>, builder: ServerId | null): PlannedPull[] {
  const servers = new Map(services.flatMap(({ replicas }) => replicas.map(({ serverId, serverName }) => [serverId, serverName])))
  return [...servers].flatMap(([serverId, serverName]) => (serverId === builder ? [] : [{ serverId, serverName }]))
}
