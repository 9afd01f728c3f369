import type { ApplicationFailure } from '@temporalio/activity'
import { serviceOfReplica } from '../db/engine-services.ts'
import { environmentReplicas, replicaById } from '../db/replicas.ts'
import type { ReplicaId, ServerId } from '../domain/ids.ts'
import type { ProbedUpstream } from '../drivers/services/contract-gateway.ts'
import { configuredService } from './configured-services.ts'
import type { ActivityDeps } from './deps.ts'
import { finalFailure } from './failures.ts'
import { type EnvironmentReplica, upstreamOf } from './gateway-sections.ts'

/** A replica that is to get traffic; `healthPath` is null where it is not for the web and has none to be asked for. */
export interface ProbedReplica extends EnvironmentReplica {
  healthPath: string | null
}

/** Throws when the replica is gone, or belongs to no environment. */
export async function probedReplica({ db, keyring }: ActivityDeps, replicaId: ReplicaId): Promise<ProbedReplica> {
  const service = await serviceOfReplica(db, keyring, await replicaById(db, replicaId))
  if (!service.environmentId) throw new Error(`${service.name} belongs to no environment`)
  const found = (await environmentReplicas(db, service.environmentId)).find(({ replica }) => replica.id === replicaId)
  if (!found) throw new Error(`replica ${replicaId} is gone`)
  const { application } = configuredService(service)
  const isWeb = found.replica.role === 'web'
  return { ...found, healthPath: isWeb ? (application?.healthPath ?? null) : null }
}

/** By its id on the gateway's own server, where its address may have changed; by its address elsewhere. */
export function probedUpstream(found: ProbedReplica, gatewayServerId: ServerId): ProbedUpstream {
  const { id, serverId, internalPort } = found.replica
  return serverId === gatewayServerId ? { replicaId: id, port: internalPort } : upstreamOf(found, gatewayServerId)
}

/** `status`: what the replica answered; null where it gave no answer. */
export function notReachable({ replica, healthPath }: ProbedReplica, status: number | null): ApplicationFailure {
  const answer = status === null ? 'no answer' : `status ${status}`
  return finalFailure({
    code: 'replica_not_reachable',
    message: `The gateway asked ${replica.containerName} for ${healthPath} and got ${answer}.`,
    hint: 'Look at the log of the replica; the health path must answer with a status below 400.',
  })
}
