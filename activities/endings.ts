import {
  beginEnding,
  beginRemovingEnvironment,
  beginRemovingRoute,
  type Ending,
  endingOf,
  endingOfTarget,
  type EndingReplica,
  type EndingRoute,
  endingReplicas,
  gatewaysToTell,
  giveUpAllReleases,
  placeOfRoute,
  recordEnvironmentRemoved,
  recordRouteRemoved,
  recordRoutesRemoved,
  recordServicesRemoved,
  type ServerToClean,
  serversToClean,
  servicesThatEnd,
} from '../db/ending.ts'
import { idOf } from '../db/ids.ts'
import { keepVolumes, originOf } from '../db/kept-volumes.ts'
import { holdRunning, operationById } from '../db/operations/begin.ts'
import { commitOnce } from '../db/operations/commit.ts'
import { environmentOfService, lockService } from '../db/services.ts'
import { usesOfService } from '../db/service-uses.ts'
import { slicesWithin } from '../db/slices.ts'
import type { EnvironmentId, OperationId, ServerId, ServiceId, SliceId } from '../domain/ids.ts'
import { removalRefusal } from '../domain/removals.ts'
import { cleanUp, type Remains } from '../drivers/services/clean-up.ts'
import { configuredService } from './configured-services.ts'
import type { ActivityDeps } from './deps.ts'
import { finalFailure } from './failures.ts'
import { labelOf, serversToAsk } from './forced-removals.ts'
import type { OperationInput } from './operations.ts'
import { runStep } from './remote-step.ts'

/** What is left to be ended, in this order. */
export interface PlannedEnding {
  /** Whose traffic it is about; null where gateways have nothing to do with it. */
  environmentId: EnvironmentId | null
  /** Replicas that tick. */
  schedulers: readonly EndingReplica[]
  workers: readonly EndingReplica[]
  gateways: readonly (ServerToClean & { gatewayId: ServiceId })[]
  others: readonly EndingReplica[]
  /** Servers that are left out where they do not answer; histories of before there were any have none. */
  asked?: readonly ServerToClean[]
}

/** What is to be removed once nothing runs; an environment has images, too. */
export interface PlannedCleanUp {
  environmentId: EnvironmentId | null
  servers: readonly ServerToClean[]
}

/** `operationId` does the work, `of` is the operation that is brought to its end: the same, or the one that a recovery found lost. */
interface EndingInput extends OperationInput {
  of: OperationId
}

/** A server that is to be cleaned, as a step of this number. */
export interface CleanUpInput extends EndingInput {
  order: number
  serverId: ServerId
}

/** How services stop, and services and environments are removed. From their commit points on all of it follows from rows, and goes forward only. */
export function endingActivities(deps: ActivityDeps) {
  const { db } = deps
  const endingOfId = async (of: OperationId) => endingOf(await operationById(db, of))
  const endingOfRoute = async ({ routeId }: EndingRoute): Promise<PlannedEnding> => {
    const { environmentId, gatewayId } = await placeOfRoute(db, routeId)
    const gateways = (await gatewaysToTell(db, environmentId)).filter((gateway) => gateway.gatewayId === gatewayId)
    return { environmentId, schedulers: [], workers: [], others: [], gateways }
  }
  return {
    /** The commit point of a service that stops: no deploy starts it from now on. */
    async beginStop({ operationId }: OperationInput): Promise<void> {
      await commitOnce(db, operationId, (tx, operation) => beginEnding(tx, endingOf(operation), 'stopped'))
    },

    /** The commit point of a removal. Fails as `service_in_use` and the like where somebody needs what is to go, and changes nothing then. */
    async beginRemoval({ operationId }: OperationInput): Promise<void> {
      await commitOnce(db, operationId, async (tx, operation) => {
        if (operation.kind === 'route_remove') return beginRemovingRoute(tx, idOf<SliceId>(operation.targetId))
        const ending = endingOf(operation)
        if ('environmentId' in ending) {
          await beginRemovingEnvironment(tx, ending.environmentId)
        } else {
          await lockService(tx, ending.serviceId)
          const [service] = await servicesThatEnd(tx, ending)
          const refusal = removalRefusal(service?.name ?? '', await usesOfService(tx, ending.serviceId))
          if (refusal) throw finalFailure(refusal)
        }
        await beginEnding(tx, ending, 'removing')
      })
    },

    /** What of it may still run, from the rows: whoever asks, and how often. */
    async planEnding({ operationId }: OperationInput): Promise<PlannedEnding> {
      const operation = await operationById(db, operationId)
      const ending = endingOfTarget(operation)
      if ('routeId' in ending) return endingOfRoute(ending)
      const replicas = await endingReplicas(db, ending)
      const environmentId = 'environmentId' in ending ? ending.environmentId : await environmentOfService(db, ending.serviceId)
      const isRouted = 'environmentId' in ending || replicas.some(({ role }) => role === 'web' || role === 'websocket')
      const gateways = isRouted && environmentId !== null ? await gatewaysToTell(db, environmentId) : []
      return {
        environmentId: isRouted ? environmentId : null,
        schedulers: replicas.filter(({ ticks }) => ticks),
        workers: replicas.filter(({ role }) => role === 'worker'),
        gateways,
        others: replicas.filter(({ role }) => role !== 'worker'),
        asked: await serversToAsk(db, operation, [...replicas, ...gateways]),
      }
    },

    /** Nothing of it runs any more, and no gateway knows of it. */
    async recordEnded({ operationId, of }: EndingInput): Promise<void> {
      const ending = endingOfTarget(await operationById(db, of))
      if ('serviceId' in ending) return
      await db.transaction(async (tx) => {
        await holdRunning(tx, operationId)
        if ('routeId' in ending) await recordRouteRemoved(tx, ending.routeId)
        else await recordRoutesRemoved(tx, ending.environmentId)
      })
    },

    /** Gives up the releases of an environment that is removed, and says where there may be something of it. */
    async planCleanUp({ operationId, of }: EndingInput): Promise<PlannedCleanUp> {
      const ending = await endingOfId(of)
      await db.transaction(async (tx) => {
        await holdRunning(tx, operationId)
        if ('environmentId' in ending) await giveUpAllReleases(tx, ending.environmentId)
      })
      return { environmentId: 'environmentId' in ending ? ending.environmentId : null, servers: await serversToClean(db, ending) }
    },

    /** Removes folders and networks from a server, and images that only a service had; its volumes stay, and are kept by name. */
    async cleanUpServer({ operationId, of, order, serverId }: CleanUpInput): Promise<void> {
      const { organisationId, ...operation } = await operationById(db, of)
      const ending = endingOf(operation)
      const volumes = await runStep(deps, { operationId, order, serverId, step: cleanUp(await remainsOf(deps, ending)) })
      const owner = { serviceId: null, environmentId: null, ...ending }
      const slices = 'serviceId' in ending ? await slicesWithin(db, ending.serviceId) : []
      const found = { organisationId, serverId, ...owner, origin: await originOf(db, ending), slices: slices.map(({ name }) => name), volumes }
      await db.transaction((tx) => keepVolumes(tx, found))
    },

    /** All of it is gone but for its volumes, and the slices that an environment used. */
    async recordRemoved({ operationId, of }: EndingInput): Promise<void> {
      const ending = await endingOfId(of)
      await db.transaction(async (tx) => {
        await holdRunning(tx, operationId)
        await recordServicesRemoved(tx, ending)
        if ('environmentId' in ending) await recordEnvironmentRemoved(tx, ending.environmentId)
      })
    },
  }
}

async function remainsOf({ db }: ActivityDeps, ending: Ending): Promise<Remains> {
  const services = await servicesThatEnd(db, ending)
  const remains = services.map((service) => configuredService(service).remains({ serviceId: service.id }))
  return {
    folders: remains.flatMap(({ folders }) => folders),
    networks: remains.flatMap(({ networks }) => networks),
    images: 'serviceId' in ending ? services.flatMap((service) => (service.environmentId === null ? (service.currentImageDigest ?? []) : [])) : [],
    volumeLabel: labelOf(ending),
  }
}
