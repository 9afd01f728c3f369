import type { Database } from '../db/connect.ts'
import { engineService, engineSlice } from '../db/engine-services.ts'
import { gatewayById, gatewayRoutes, gatewayServer, insertRevision, lockGateway, recordApplied, type Revision, revisionOf } from '../db/gateways.ts'
import { idOf } from '../db/ids.ts'
import { holdRunning, operationById } from '../db/operations/begin.ts'
import { environmentReplicas, replicaById, setTraffic } from '../db/replicas.ts'
import type { EnvironmentId, OperationId, ReplicaId, ServerId, ServiceId, SliceId } from '../domain/ids.ts'
import { refusedConfigurationExitCode } from '../drivers/services/contract-gateway.ts'
import { serviceDriver } from '../drivers/services/registry.ts'
import type { ActivityDeps } from './deps.ts'
import { finalFailure, hasExitCode, passingFailure } from './failures.ts'
import { type Owned, renderSections, upstreamOf } from './gateway-sections.ts'
import type { OperationInput } from './operations.ts'
import { runStep } from './remote-step.ts'

/** Which change of an operation a revision is; `…_alone` is the second try, with what others applied last. */
export type GatewayChange = 'both' | 'next' | 'previous' | 'configure'

export interface GatewayRevision extends OperationInput {
  gatewayId: ServiceId
  change: GatewayChange
  owned: Owned
  isAlone: boolean
}

export interface AppliedGateway extends OperationInput {
  order: number
  gatewayId: ServiceId
  phase: string
}

export function gatewayActivities(deps: ActivityDeps) {
  const { db, keyring } = deps
  const gatewayOf = async (gatewayId: ServiceId) => {
    const found = await gatewayById(db, gatewayId)
    const { gateway } = serviceDriver(found.service.driverName).configured(found.service.config)
    if (!gateway) throw new Error(`${found.service.name} is no gateway`)
    return { ...found, gateway }
  }
  return {
    /** Asks a new replica for its health path from the gateway's own network, before it gets any traffic. */
    async probeReplica({ operationId, order, gatewayId, replicaId }: OperationInput & { order: number; gatewayId: ServiceId; replicaId: ReplicaId }) {
      const { gateway, serverId, containerName } = await gatewayOf(gatewayId)
      const found = await routedReplica(deps, replicaId)
      const { replica, healthPath, domain } = found
      if (healthPath === null) return
      const isHere = replica.serverId === serverId
      const upstream = isHere ? { replicaId, port: replica.internalPort } : upstreamOf(found, serverId)
      const { ok, status } = await runStep(deps, { operationId, order, serverId, step: gateway.probe({ containerName, upstream, path: healthPath, domain }) })
      if (ok) return
      throw finalFailure({
        code: 'replica_not_reachable',
        message: `The gateway asked ${replica.containerName} for ${healthPath} and got ${status === null ? 'no answer' : `status ${status}`}.`,
        hint: 'Look at the log of the replica; the health path must answer with a status below 400.',
      })
    },

    /**
     * Changes the traffic of the operation's replicas and stores the configuration that follows from it as the gateway's next
     * revision, in one transaction (design section 8). A repetition finds the revision there.
     */
    async writeRevision({ operationId, gatewayId, change, owned, isAlone }: GatewayRevision): Promise<{ phase: string }> {
      const phase = isAlone ? `${change}_alone` : change
      await db.transaction(async (tx) => {
        const root = await holdRunning(tx, operationId)
        await lockGateway(tx, gatewayId)
        if (await revisionOf(tx, { gatewayId, operationId, phase })) return
        if ('environmentId' in owned && (change === 'both' || change === 'next')) await shiftTraffic(tx, owned.environmentId, root.id, change)
        const service = await engineService(tx, keyring, gatewayId)
        const { gateway } = serviceDriver(service.driverName).configured(service.config)
        if (!gateway) throw new Error(`${service.name} is no gateway`)
        const { serverId } = await gatewayServer(tx, gatewayId)
        const routes = await gatewayRoutes(tx, gatewayId)
        const { texts, own } = await renderSections(tx, keyring, { gateway, serverId, routes, owned, isAlone })
        await insertRevision(tx, { gatewayId, operationId, phase, text: gateway.renderConfiguration(texts), ownSections: own })
      })
      return { phase }
    },

    /**
     * Applies the revision unless the server has a later one, and is content only when the operation's own sections are in the
     * running configuration, whoever applied it. Fails as `gateway_refused` where Caddy does not take the text.
     */
    async applyRevision({ operationId, order, gatewayId, phase }: AppliedGateway): Promise<void> {
      const { gateway, serverId, containerName } = await gatewayOf(gatewayId)
      const revision = await revisionOf(db, { gatewayId, operationId, phase })
      if (!revision) throw new Error(`operation ${operationId} has no revision "${phase}" of gateway ${gatewayId}`)
      const step = gateway.apply({ containerName, revision: revision.revision, text: revision.text, certificates: [] })
      const { liveSections } = await runStep(deps, { operationId, order, serverId, step }).catch((error: unknown) => {
        throw hasExitCode(error, refusedConfigurationExitCode) ? refused(error) : error
      })
      requireLive(revision, liveSections)
      await recordApplied(db, revision.ownSections)
    },

    /** The route that a `slice_configure` is for. */
    async planRoute({ operationId }: OperationInput): Promise<{ sliceId: SliceId; gatewayId: ServiceId; serverId: ServerId; serverName: string }> {
      const sliceId = idOf<SliceId>((await operationById(db, operationId)).targetId)
      const { serviceId } = await engineSlice(db, keyring, sliceId)
      return { sliceId, gatewayId: serviceId, ...(await gatewayServer(db, serviceId)) }
    },
  }
}

/** `both`: the new replicas serve beside the old ones. `next`: the old ones of the same services keep only what they have. */
async function shiftTraffic(tx: Database, environmentId: EnvironmentId, rootId: OperationId, change: 'both' | 'next') {
  const routed = (await environmentReplicas(tx, environmentId)).map(({ replica }) => replica).filter(({ role }) => role === 'web' || role === 'websocket')
  const fresh = routed.filter((replica) => replica.operationId === rootId)
  const services = new Set(fresh.map(({ serviceId }) => serviceId))
  const old = routed.filter((replica) => replica.operationId !== rootId && services.has(replica.serviceId) && replica.traffic === 'serving')
  await setTraffic(tx, fresh.map(({ id }) => id), 'serving')
  if (change === 'next') await setTraffic(tx, old.map(({ id }) => id), 'draining')
}

async function routedReplica({ db, keyring }: ActivityDeps, replicaId: ReplicaId) {
  const { serviceId } = await replicaById(db, replicaId)
  const service = await engineService(db, keyring, serviceId)
  if (!service.environmentId) throw new Error(`${service.name} belongs to no environment`)
  const found = (await environmentReplicas(db, service.environmentId)).find(({ replica }) => replica.id === replicaId)
  if (!found) throw new Error(`replica ${replicaId} is gone`)
  const { application } = serviceDriver(service.driverName).configured(service.config)
  const isWeb = found.replica.role === 'web'
  return { ...found, healthPath: isWeb ? (application?.healthPath ?? null) : null, domain: 'localhost' }
}

function requireLive({ ownSections, revision }: Revision, live: readonly string[]): void {
  const missing = Object.values(ownSections).filter(({ hash }) => !live.includes(hash))
  if (missing.length === 0) return
  throw passingFailure({ code: 'section_not_live', message: `Revision ${revision} was applied, but ${missing.length} of its own routes are not in the running configuration.` })
}

function refused(error: unknown) {
  return finalFailure({
    code: 'gateway_refused',
    message: `Caddy refused the configuration: ${error instanceof Error ? error.message : String(error)}`,
    hint: 'Look at the domains and settings of this route.',
  })
}
