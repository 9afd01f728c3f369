import type { Database } from '../db/connect.ts'
import { changeFirewalls, firewallOf, forgetApplied, recordFirewall, serversOpenTo } from '../db/firewalls.ts'
import { idOf } from '../db/ids.ts'
import { holdRunning, operationById } from '../db/operations/begin.ts'
import type { Operation } from '../db/operations/request.ts'
import { placementsOf } from '../db/replicas.ts'
import { serverPlace } from '../db/servers.ts'
import { endDetached, environmentsOfSlice } from '../db/slice-uses.ts'
import { lockSlice } from '../db/slices.ts'
import { environmentOfService } from '../db/services.ts'
import type { PlannedFirewall } from '../domain/firewall.ts'
import type { EnvironmentId, OperationId, ServerId, ServiceId, SliceId } from '../domain/ids.ts'
import { applyFirewall } from '../drivers/servers/firewall.ts'
import type { ActivityDeps } from './deps.ts'
import type { OperationInput } from './operations.ts'
import { runStep } from './remote-step.ts'

/** Rules that are to be on a server, as a step of this number. */
export interface FirewallToApply extends OperationInput {
  order: number
  serverId: ServerId
  revision: number
}

/** Which servers may reach which assigned ports (design section 6): rules that follow from the rows, whoever asks and how often. */
export function firewallActivities(deps: ActivityDeps) {
  const { db } = deps
  return {
    /** Stores the rules of the servers that the operation `of` is about, and says which of them have to take theirs. */
    async planFirewalls({ operationId, of }: OperationInput & { of: OperationId }): Promise<PlannedFirewall[]> {
      return db.transaction(async (tx) => {
        await holdRunning(tx, operationId)
        const operation = await operationById(tx, of)
        if (operation.targetType === 'server') await forgetApplied(tx, idOf<ServerId>(operation.targetId))
        const concerned = await serversConcerned(tx, operation)
        if (operation.targetType === 'environment' && operation.committedAt !== null) await endDetached(tx, idOf(operation.targetId))
        return changeFirewalls(tx, concerned)
      })
    },

    /** Has a server take its rules of this revision, or later ones. */
    async applyFirewall({ operationId, order, serverId, revision }: FirewallToApply): Promise<void> {
      const { privateAddress } = await serverPlace(db, serverId)
      const firewall = await firewallOf(db, serverId)
      const listed = await runStep(deps, { operationId, order, serverId, step: applyFirewall({ ...firewall, privateAddress }) })
      await recordFirewall(db, { serverId, revision, listed })
    },
  }
}

/** Servers whose rules an operation is about. */
export async function serversConcerned(tx: Database, { targetType, targetId }: Pick<Operation, 'targetType' | 'targetId'>): Promise<ServerId[]> {
  switch (targetType) {
    case 'environment':
      return serversOpenTo(tx, idOf<EnvironmentId>(targetId))
    case 'slice':
      return serversOfSlice(tx, idOf<SliceId>(targetId))
    case 'service':
      return serversOfService(tx, idOf<ServiceId>(targetId))
    case 'server':
      return [idOf<ServerId>(targetId)]
    case 'replica':
    case 'operation':
    case 'volume':
    case 'organisation':
      return []
    default:
      return targetType satisfies never
  }
}

/** Those of its service, which open their ports, and for a route those of its environment, which open theirs to the gateway. */
async function serversOfSlice(tx: Database, id: SliceId): Promise<ServerId[]> {
  const { serviceId } = await lockSlice(tx, id)
  const concerned = (await placementsOf(tx, [serviceId])).map(({ serverId }) => serverId)
  for (const environmentId of await environmentsOfSlice(tx, id)) concerned.push(...(await serversOpenTo(tx, environmentId)))
  return [...new Set(concerned)]
}

/** Its own servers; of an environment's service also those of the data services that it uses. */
async function serversOfService(tx: Database, id: ServiceId): Promise<ServerId[]> {
  const own = (await placementsOf(tx, [id])).map(({ serverId }) => serverId)
  const environmentId = await environmentOfService(tx, id)
  return environmentId === null ? own : [...new Set([...own, ...(await serversOpenTo(tx, environmentId))])]
}
