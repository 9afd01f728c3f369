import { serviceOfReplica } from '../db/engine-services.ts'
import { environmentReplicas } from '../db/replicas.ts'
import type { EnvironmentId, ReplicaId, ServerId } from '../domain/ids.ts'
import type { AskedReplica } from '../drivers/services/contract-gateway.ts'
import { applicationOf } from './configured-services.ts'
import type { ActivityDeps } from './deps.ts'
import { type EnvironmentReplica, upstreamOf } from './gateway-sections.ts'

/** Replicas of an environment that are to answer a gateway. */
export interface Questions {
  environmentId: EnvironmentId
  replicas: readonly ReplicaId[]
}

/**
 * What the gateway on a server asks new replicas for, before they get any traffic; those for the web have a health path that they
 * can be asked for. Throws when one of them is gone.
 */
export async function askedReplicas(deps: ActivityDeps, { environmentId, replicas }: Questions, gatewayServerId: ServerId): Promise<AskedReplica[]> {
  const { db, keyring } = deps
  const present = await environmentReplicas(db, environmentId)
  const found = replicas.map((id) => {
    const one = present.find(({ replica }) => replica.id === id)
    if (!one) throw new Error(`replica ${id} is gone`)
    return one
  })
  const web = found.filter(({ replica }) => replica.role === 'web')
  return Promise.all(
    web.map(async (one) => ({
      containerName: one.replica.containerName,
      ...askedAt(one, gatewayServerId),
      path: applicationOf(await serviceOfReplica(db, keyring, one.replica)).healthPath,
    })),
  )
}

function askedAt(found: EnvironmentReplica, gatewayServerId: ServerId): Pick<AskedReplica, 'address' | 'port'> {
  const { serverId, internalPort } = found.replica
  if (serverId === gatewayServerId) return { address: null, port: internalPort }
  const { host, port } = upstreamOf(found, gatewayServerId)
  return { address: host, port }
}
