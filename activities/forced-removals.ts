import { z } from 'zod'
import type { Database } from '../db/connect.ts'
import { type Ending, endingOf, endingReplicas, gatewaysToTell, serversToClean, type ServerToClean } from '../db/ending.ts'
import { originOf } from '../db/kept-volumes.ts'
import { holdRunning, operationById } from '../db/operations/begin.ts'
import { warn } from '../db/operations/finish.ts'
import type { Operation } from '../db/operations/request.ts'
import { recordRemoved } from '../db/replicas.ts'
import { serverAccess } from '../db/server-access.ts'
import { serverName } from '../db/servers.ts'
import type { OperationId, ServerId } from '../domain/ids.ts'
import { isOfServer, leftBehind } from '../domain/removals.ts'
import type { ActivityDeps } from './deps.ts'
import { asFailure } from './failures.ts'
import { serversConcerned } from './firewalls.ts'
import type { OperationInput } from './operations.ts'

/** Servers on which nothing more of a removal `of` is waited for. */
interface ServersGivenUp extends OperationInput {
  of: OperationId
  serverIds: readonly ServerId[]
}

const answerSeconds = 20

/** Removals that do not wait for servers which do not answer, by their user's explicit wish. */
export function forcedRemovalActivities(deps: ActivityDeps) {
  const { db, keyring, ssh } = deps
  return {
    /** Whether a server can be worked with: fails as `ssh_…` where it cannot. */
    async askServer({ serverId }: OperationInput & { serverId: ServerId }): Promise<void> {
      const remote = ssh.to(await serverAccess(db, keyring, serverId, 'management'))
      await remote.command(['true'], { timeoutSeconds: answerSeconds }).catch((error: unknown) => {
        throw asFailure(error, 'ask server')
      })
    },

    /** Takes what is to end on these servers for ended, and tells people what may still be there. */
    async giveUpServers({ operationId, of, serverIds }: ServersGivenUp): Promise<void> {
      await db.transaction(async (tx) => {
        await holdRunning(tx, operationId)
        const removal = await operationById(tx, of)
        for (const serverId of serverIds) await giveUp(tx, removal, serverId)
      })
    },
  }
}

async function giveUp(tx: Database, { id, warnings, ...removal }: Operation, serverId: ServerId): Promise<void> {
  const server = await serverName(tx, serverId)
  if (warnings.some((warning) => isOfServer(warning, server))) return
  const ending = endingOf(removal)
  const replicas = (await endingReplicas(tx, ending)).filter((replica) => replica.serverId === serverId)
  const gateways = 'environmentId' in ending ? await gatewaysToTell(tx, ending.environmentId) : []
  for (const replica of replicas) await recordRemoved(tx, replica.id)
  const containers = replicas.map(({ containerName }) => containerName)
  const hasGateway = gateways.some((gateway) => gateway.serverId === serverId)
  await warn(tx, id, leftBehind({ server, containers, hasGateway, origin: await originOf(tx, ending), label: labelOf(ending) }))
}

/** By which everything of it is known on a server. */
export const labelOf = (ending: Ending): string =>
  'serviceId' in ending ? `keystone.service=${ending.serviceId}` : `keystone.environment=${ending.environmentId}`

/** `operations.input` of a removal. */
const removalRequested = z.object({ force: z.boolean().default(false) })

/** The servers that a removal with these parts is about, where it is to go on without those that do not answer; else none. */
export async function serversToAsk(db: Database, removal: Operation, parts: readonly { serverId: ServerId }[]): Promise<ServerToClean[]> {
  if (!removalRequested.parse(removal.input).force) return []
  const cleaned = await serversToClean(db, endingOf(removal))
  const ids = new Set([...[...parts, ...cleaned].map(({ serverId }) => serverId), ...(await serversConcerned(db, removal))])
  return Promise.all([...ids].toSorted().map(async (serverId) => ({ serverId, serverName: await serverName(db, serverId) })))
}
