import type { ApplicationFailure } from '@temporalio/activity'
import { engineSlice } from '../db/engine-services.ts'
import {
  gatewayById,
  gatewayServer,
  insertRevision,
  lockGateway,
  nextRevision,
  recordApplied,
  type Revision,
  revisionOf,
  withdrawnSections,
} from '../db/gateways.ts'
import { idOf } from '../db/ids.ts'
import { holdRunning, operationById } from '../db/operations/begin.ts'
import { serverPlace } from '../db/servers.ts'
import type { EnvironmentId, ReplicaId, ServerId, ServiceId, SliceId } from '../domain/ids.ts'
import { refusedConfigurationExitCode } from '../drivers/services/contract-gateway.ts'
import { askedReplicas, unanswered } from './asked-replicas.ts'
import { gatewayOf } from './configured-services.ts'
import type { ActivityDeps } from './deps.ts'
import { finalFailure, stepFailure } from './failures.ts'
import { certificatesOf, type ConfigurationInput, renderConfiguration } from './gateway-sections.ts'
import { drainingUpstreams, shiftTraffic, startedContainers, withdrawTraffic } from './gateway-traffic.ts'
import type { OperationInput } from './operations.ts'
import { runStep } from './remote-step.ts'

/**
 * Which change of an operation a revision is: the `switch` to the new replicas, back to the `previous` ones, one route to `configure`,
 * to `withdraw` what ends (routes that are removed, and replicas that are about to stop), or that a server is to `leave` and to `enter`.
 */
export type GatewayChange = 'switch' | 'previous' | 'configure' | 'withdraw' | 'leave' | 'enter'

/** A change that becomes the gateway's next revision; `isAlone` is a try with what others applied last. */
export interface GatewayRevision extends OperationInput, ConfigurationInput {
  change: GatewayChange
  /** Counts from 0: every try is a revision of its own. */
  attempt: number
}

/** A stored revision that is to run; `phase` is what `writeRevision` answered. */
export interface RevisionToApply extends OperationInput {
  order: number
  gatewayId: ServiceId
  phase: string
  change: GatewayChange
}

/** New replicas of an environment that a gateway is to ask. */
export interface GatewayQuestions extends OperationInput {
  order: number
  gatewayId: ServiceId
  environmentId: EnvironmentId
  replicas: readonly ReplicaId[]
}

/** A gateway whose old replicas of an environment get no new requests any more. */
export interface GatewayDrain extends OperationInput {
  order: number
  gatewayId: ServiceId
  environmentId: EnvironmentId
}

/** A route with the gateway that it is on. */
export interface PlannedRoute {
  sliceId: SliceId
  gatewayId: ServiceId
  serverId: ServerId
  serverName: string
}

/** Routes of gateways, and the traffic that goes over them (design section 8). */
export function gatewayActivities(deps: ActivityDeps) {
  const { db, keyring } = deps
  const runningGateway = async (gatewayId: ServiceId) => {
    const { service, serverId, containerName } = await gatewayById(db, gatewayId)
    return { gateway: gatewayOf(service), serverId, containerName }
  }
  return {
    /**
     * Asks new replicas on other servers for their health paths from the gateway's own network, before they get any traffic. Fails
     * as `replica_not_reachable`. Those on its own server were asked by the step that started them.
     */
    async askReplicas({ operationId, order, gatewayId, environmentId, replicas }: GatewayQuestions): Promise<void> {
      const { gateway, serverId, containerName } = await runningGateway(gatewayId)
      const asked = await askedReplicas(deps, { environmentId, replicas, gateway: await serverPlace(db, serverId) })
      const step = gateway.ask({ containerName, asked })
      await runStep(deps, { operationId, order, serverId, step }).catch((error: unknown) => {
        throw unanswered(error) ?? error
      })
    },

    /**
     * Changes the traffic of the operation's replicas and stores the configuration that follows from it as the gateway's next
     * revision, in one transaction (design section 8). A repetition finds the revision there.
     */
    async writeRevision({ operationId, change, attempt, ...configuration }: GatewayRevision): Promise<{ phase: string }> {
      const { gatewayId, owned, isAlone } = configuration
      const phase = attempt === 0 ? change : `${change}_${isAlone ? 'alone_' : ''}${attempt}`
      await db.transaction(async (tx) => {
        const root = await holdRunning(tx, operationId)
        await lockGateway(tx, gatewayId)
        if (await revisionOf(tx, { gatewayId, operationId, phase })) return
        if ('environmentId' in owned && change === 'switch') await shiftTraffic(tx, owned.environmentId, root)
        if ('environmentId' in owned && change === 'withdraw') await withdrawTraffic(tx, owned.environmentId)
        const revision = await nextRevision(tx, gatewayId)
        const rendered = await renderConfiguration(tx, keyring, { ...configuration, revision })
        await insertRevision(tx, { gatewayId, operationId, phase, revision, ...rendered })
      })
      return { phase }
    },

    /**
     * Applies the revision unless the server has a later one, and is content only when the operation's own sections are in the
     * running configuration, whoever applied it. Fails as `gateway_refused` where Caddy does not take the text, and as
     * `section_not_live` where a later revision of another operation is without them.
     */
    async applyRevision({ operationId, order, gatewayId, phase, change }: RevisionToApply): Promise<void> {
      const { gateway, serverId, containerName } = await runningGateway(gatewayId)
      const revision = await revisionOf(db, { gatewayId, operationId, phase })
      if (!revision) throw new Error(`operation ${operationId} has no revision "${phase}" of gateway ${gatewayId}`)
      const started = change === 'switch' ? await startedContainers(deps, operationId, serverId) : []
      const certificates = await certificatesOf(db, keyring, gatewayId)
      const step = gateway.apply({ containerName, revision: revision.revision, text: revision.text, certificates, started })
      const { liveSections } = await runStep(deps, { operationId, order, serverId, step }).catch((error: unknown) => {
        throw refused(error) ?? error
      })
      requireLive(revision, liveSections)
      if (change === 'withdraw') requireGone(await withdrawnSections(db, gatewayId), liveSections)
      await recordApplied(db, revision.ownSections)
    },

    /**
     * Waits until the environment's draining replicas have no request in flight at this gateway, or their drain windows are over
     * (design section 8). Returns the names of those web replicas that had some even then.
     */
    async drainGateway({ operationId, order, gatewayId, environmentId }: GatewayDrain): Promise<string[]> {
      const { gateway, serverId, containerName } = await runningGateway(gatewayId)
      const { upstreams, webNames } = await drainingUpstreams(deps, environmentId, await serverPlace(db, serverId))
      const step = gateway.drain({ containerName, upstreams })
      const busy = await runStep(deps, { operationId, order, serverId, step })
      return busy.flatMap(({ upstream }) => webNames.get(upstream) ?? [])
    },

    /** The route that a `slice_configure` is for. */
    async planRoute({ operationId }: OperationInput): Promise<PlannedRoute | null> {
      const sliceId = idOf<SliceId>((await operationById(db, operationId)).targetId)
      const { serviceId, type, status, name } = await engineSlice(db, keyring, sliceId)
      if (type !== 'route') return null
      if (status === 'removing' || status === 'removed') throw finalFailure({ code: 'route_removed', message: `The route ${name} has been removed.` })
      return { sliceId, gatewayId: serviceId, ...(await gatewayServer(db, serviceId)) }
    },
  }
}

function requireLive({ ownSections, revision }: Revision, live: readonly string[]): void {
  const missing = Object.values(ownSections).filter(({ hash }) => !live.includes(hash))
  if (missing.length === 0) return
  throw finalFailure({
    code: 'section_not_live',
    message: `Revision ${revision} was applied, but ${missing.length} of its own routes are not in the running configuration.`,
    hint: 'Other operations change this gateway at the same time: start the operation again.',
  })
}

/** What was withdrawn does not run: every text that a route had until then is known. */
function requireGone(withdrawn: readonly string[], live: readonly string[]): void {
  if (!withdrawn.some((hash) => live.includes(hash))) return
  throw finalFailure({
    code: 'section_still_live',
    message: 'A route that was removed is still in the running configuration.',
    hint: 'Other operations change this gateway at the same time: start the operation again.',
  })
}

function refused(error: unknown): ApplicationFailure | null {
  const failure = stepFailure(error, refusedConfigurationExitCode)
  const hint = 'Look at the domains and settings of this route.'
  return failure && finalFailure({ ...failure, code: 'gateway_refused', message: 'Caddy refused the configuration.', hint })
}
