import type { Database } from '../db/connect.ts'
import { serviceOfReplica } from '../db/engine-services.ts'
import { operationById } from '../db/operations/begin.ts'
import type { Operation } from '../db/operations/request.ts'
import { environmentReplicas, type Replica, replicasOf, setTraffic } from '../db/replicas.ts'
import type { ServerPlace } from '../domain/endpoints.ts'
import type { EnvironmentId, OperationId, ServerId } from '../domain/ids.ts'
import type { DrainingUpstream } from '../drivers/services/contract-gateway.ts'
import { applicationOf } from './configured-services.ts'
import type { ActivityDeps } from './deps.ts'
import { upstreamOf } from './gateway-sections.ts'

/**
 * The new replicas of an operation that run serve; those that its plan retires keep only what they have, on servers of later batches
 * not before those of these batches run, too. Where nothing follows them they go at once.
 */
export async function shiftTraffic(tx: Database, environmentId: EnvironmentId, { id: rootId, plan }: Pick<Operation, 'id' | 'plan'>): Promise<void> {
  const routed = (await environmentReplicas(tx, environmentId)).map(({ replica }) => replica).filter(isRouted)
  const own = routed.filter((replica) => replica.operationId === rootId)
  const fresh = own.filter(({ status }) => status === 'running')
  const retiring = new Set(plan?.services.flatMap((service) => service.retiring))
  const isFollowed = ({ serviceId, serverId }: Replica) => {
    const following = own.filter((replica) => replica.serviceId === serviceId)
    const isWhole = following.every(({ status }) => status === 'running')
    return isWhole || following.some((replica) => replica.serverId === serverId && replica.status === 'running')
  }
  const old = routed.filter((replica) => retiring.has(replica.id) && isFollowed(replica))
  await setTraffic(tx, fresh.map(({ id }) => id), 'serving')
  await setTraffic(tx, old.filter(({ traffic }) => traffic === 'serving').map(({ id }) => id), 'draining')
}

/** What is about to end gets no new requests any more. */
export async function withdrawTraffic(tx: Database, environmentId: EnvironmentId): Promise<void> {
  const replicas = (await environmentReplicas(tx, environmentId)).map(({ replica }) => replica)
  const ending = replicas.filter(({ status, traffic }) => status === 'stopping' && traffic === 'serving')
  await setTraffic(tx, ending.map(({ id }) => id), 'draining')
}

/** Names of the containers that an operation's deploy has started behind the gateway of this server. */
export async function startedContainers({ db }: ActivityDeps, operationId: OperationId, serverId: ServerId): Promise<string[]> {
  const { rootId } = await operationById(db, operationId)
  const own = (await replicasOf(db, rootId)).filter((replica) => isRouted(replica) && replica.serverId === serverId)
  const started = own.filter(({ status }) => status === 'running')
  return started.map(({ containerName }) => containerName)
}

/** Old replicas of an environment that only finish what they have, as one server's gateway reaches them. */
export interface DrainingUpstreams {
  upstreams: DrainingUpstream[]
  /** Container names of web replicas by `host:port`; websockets stay open as long as they are let. */
  webNames: ReadonlyMap<string, string>
}

export async function drainingUpstreams(
  { db, keyring }: ActivityDeps,
  environmentId: EnvironmentId,
  gateway: ServerPlace,
): Promise<DrainingUpstreams> {
  const draining = (await environmentReplicas(db, environmentId)).filter(({ replica }) => replica.traffic === 'draining')
  const found = await Promise.all(
    draining.map(async ({ replica, ...placed }) => {
      const { drainWindowSeconds: windowSeconds } = applicationOf(await serviceOfReplica(db, keyring, replica))
      return { replica, upstream: { ...upstreamOf({ replica, ...placed }, gateway), windowSeconds } }
    }),
  )
  const web = found.filter(({ replica }) => replica.role === 'web')
  return {
    upstreams: found.map(({ upstream }) => upstream),
    webNames: new Map(web.map(({ upstream: { host, port }, replica }) => [`${host}:${port}`, replica.containerName])),
  }
}

const isRouted = ({ role }: Replica): boolean => role === 'web' || role === 'websocket'
