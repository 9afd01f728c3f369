import { z } from 'zod'
import type { Database } from '../db/connect.ts'
import { markConverged } from '../db/convergence.ts'
import { gatewaysToTell } from '../db/ending.ts'
import { idOf } from '../db/ids.ts'
import { recordReachable, replicasOn } from '../db/observations.ts'
import { holdRunning, operationById } from '../db/operations/begin.ts'
import { commitOnce } from '../db/operations/commit.ts'
import { environmentsRoutedTo, handoversFrom, markAway, markRebootUnfinished, putBack, servedAlone, takeOut } from '../db/reboots.ts'
import { recordHealthy } from '../db/replicas.ts'
import { activateServer, serverAccess } from '../db/server-access.ts'
import { serverState } from '../db/server-removals.ts'
import { serverName } from '../db/servers.ts'
import type { EnvironmentId, OperationId, ServerId, ServiceId } from '../domain/ids.ts'
import { awayDuringReboot } from '../domain/reboots.ts'
import type { SchedulerHandover } from '../domain/scheduler.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { rebootServer, resumeContainers } from '../drivers/servers/reboot.ts'
import type { ActivityDeps } from './deps.ts'
import { failureIn, finalFailure, passingFailure } from './failures.ts'
import type { OperationInput } from './operations.ts'
import { runStep } from './remote-step.ts'
import { verified } from './verification.ts'

const orders = stepNumbers.serverReboot

/** `operationId` does the work, `of` is the reboot: the same, or the one that a recovery found lost or goes on with. */
export interface RebootWork extends OperationInput {
  of: OperationId
}

interface RebootedServer {
  serverId: ServerId
  serverName: string
}

/** A gateway that is to have other upstreams, for these environments. */
interface GatewayToTell {
  gatewayId: ServiceId
  serverName: string
  environmentIds: readonly EnvironmentId[]
}

/** What a committed reboot still has to do. */
interface RebootCompletion extends RebootedServer {
  /** It was removed meanwhile: there is nothing to be done any more. */
  isGone: boolean
  handovers: readonly SchedulerHandover[]
}

/** `operations.input` of a `server_reboot`. */
const rebootRequested = z.object({ acknowledgeDowntime: z.boolean().default(false) })

/** Servers that restart while others serve their users. */
export function rebootActivities(deps: ActivityDeps) {
  const { db, keyring, ssh } = deps
  const targetOf = async (operationId: OperationId) => idOf<ServerId>((await operationById(db, operationId)).targetId)
  return {
    /** The server that is to restart. Fails as `acknowledgement_required` where by now it alone serves something that nobody has said yes to. */
    async planReboot({ operationId }: OperationInput): Promise<RebootedServer> {
      const { targetId, input } = await operationById(db, operationId)
      const serverId = idOf<ServerId>(targetId)
      const name = await serverName(db, serverId)
      const away = awayDuringReboot(name, await servedAlone(db, serverId))
      if (away !== null && !rebootRequested.parse(input).acknowledgeDowntime) throw notAcknowledged(name, away)
      return { serverId, serverName: name }
    },

    /** What others can serve meanwhile gets no new requests there any more; says which gateways have to know. */
    async leaveGateways({ operationId }: OperationInput): Promise<GatewayToTell[]> {
      const serverId = await targetOf(operationId)
      return db.transaction(async (tx) => {
        await holdRunning(tx, operationId)
        await takeOut(tx, serverId)
        return gatewaysOf(tx, await environmentsRoutedTo(tx, serverId, 'draining'))
      })
    },

    /** The commit point of a reboot: nobody needs the server any more, and from now on it goes forward. */
    async commitReboot({ operationId }: OperationInput): Promise<void> {
      const serverId = await targetOf(operationId)
      await commitOnce(db, operationId, (tx) => markAway(tx, serverId))
    },

    /** What is left to be done, from the rows: whoever asks, and how often. */
    async planRebootCompletion({ of }: RebootWork): Promise<RebootCompletion> {
      const serverId = await targetOf(of)
      const { name, status } = await serverState(db, serverId)
      return { serverId, serverName: name, isGone: status === 'removed', handovers: await handoversFrom(db, serverId) }
    },

    /** Has the server restart, once for the reboot, and returns when it has booted. */
    async rebootServer({ operationId, of, serverId }: RebootWork & RebootedServer): Promise<void> {
      const { hash } = await operationById(db, of)
      const step = rebootServer(hash)
      await runStep(deps, { operationId, order: orders.reboot, serverId, step, user: 'root' }).catch((error: unknown) => {
        throw whileBooting(error)
      })
    },

    /** Returns when all that is to run on the server does so, and is healthy. */
    async resumeContainers({ operationId, serverId }: OperationInput & RebootedServer): Promise<void> {
      const replicas = (await replicasOn(db, serverId)).flatMap(({ replica }) => (replica.status === 'running' ? [replica] : []))
      const containers = replicas.flatMap(({ containerName, footprint }) => [containerName, ...footprint.containers])
      await runStep(deps, { operationId, order: orders.resume, serverId, step: resumeContainers([...new Set(containers)]) })
      for (const { id } of replicas) await recordHealthy(db, id)
    },

    /** Proves over a new connection that the server is as Keystone had made it ready. */
    async verifyRebooted({ operationId, serverId }: OperationInput & RebootedServer): Promise<void> {
      ssh.renew(await serverAccess(db, keyring, serverId, 'management'))
      await activateServer(db, serverId, await verified(deps, { operationId, order: orders.verify, serverId }))
    },

    /** The server serves again what was taken out, this time or by a reboot before that had failed; says which gateways have to know. */
    async enterGateways({ operationId, of }: RebootWork): Promise<GatewayToTell[]> {
      const serverId = await targetOf(of)
      return db.transaction(async (tx) => {
        await holdRunning(tx, operationId)
        await putBack(tx, serverId, ['draining', 'away'])
        return gatewaysOf(tx, await environmentsRoutedTo(tx, serverId, 'serving'))
      })
    },

    /** Every gateway knows the server again. */
    async recordRebooted({ of }: RebootWork): Promise<void> {
      await db.transaction((tx) => markConverged(tx, of))
    },

    /** The server has not come back as it was: the dispatcher has it looked after until it has. One that is silent is unreachable until then. */
    async abandonReboot({ of, isSilent = false }: RebootWork & { isSilent?: boolean }): Promise<void> {
      const serverId = await targetOf(of)
      await db.transaction(async (tx) => {
        await markRebootUnfinished(tx, of, serverId)
        if (isSilent) await recordReachable(tx, serverId, false)
      })
    },
  }
}

async function gatewaysOf(tx: Database, environmentIds: readonly EnvironmentId[]): Promise<GatewayToTell[]> {
  const found = new Map<ServiceId, GatewayToTell>()
  for (const environmentId of environmentIds) {
    for (const { gatewayId, serverName: name } of await gatewaysToTell(tx, environmentId)) {
      const known = found.get(gatewayId)?.environmentIds ?? []
      found.set(gatewayId, { gatewayId, serverName: name, environmentIds: [...known, environmentId] })
    }
  }
  return [...found.values()]
}

/** A server that boots refuses users until it is ready for them: only time tells that from a wrong key. */
function whileBooting(error: unknown): unknown {
  const failure = failureIn(error)
  const isRefusal = failure?.code === 'ssh_authentication_failed' || failure?.code === 'ssh_handshake_failed'
  return failure && isRefusal ? passingFailure(failure) : error
}

const notAcknowledged = (server: string, away: string) =>
  finalFailure({
    ...{ code: 'acknowledgement_required', message: `${away[0]?.toUpperCase()}${away.slice(1)}, and nobody has accepted that.`, server },
    hint: 'Request the reboot again with acknowledgeDowntime, or have another server serve it first.',
  })
