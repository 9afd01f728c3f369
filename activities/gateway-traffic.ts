import type { Database } from '../db/connect.ts'
import { environmentReplicas, type Replica, setTraffic } from '../db/replicas.ts'
import type { EnvironmentId, OperationId } from '../domain/ids.ts'

/** `both`: the new replicas serve beside the old ones. `next`: the old ones of the same services keep only what they have. */
export async function shiftTraffic(
  tx: Database,
  environmentId: EnvironmentId,
  rootId: OperationId,
  change: 'both' | 'next',
): Promise<void> {
  const routed = (await environmentReplicas(tx, environmentId)).map(({ replica }) => replica).filter(isRouted)
  const fresh = routed.filter((replica) => replica.operationId === rootId)
  const services = new Set(fresh.map(({ serviceId }) => serviceId))
  const old = routed.filter(({ operationId, serviceId }) => operationId !== rootId && services.has(serviceId))
  await setTraffic(tx, fresh.map(({ id }) => id), 'serving')
  if (change === 'both') return
  await setTraffic(tx, old.filter(({ traffic }) => traffic === 'serving').map(({ id }) => id), 'draining')
}

const isRouted = ({ role }: Replica): boolean => role === 'web' || role === 'websocket'
