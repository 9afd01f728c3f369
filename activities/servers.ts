import { activateServer, beginProvisioning, forgetFirstLogin, type ProvisioningTarget, serverAccess } from '../db/server-access.ts'
import { idOf } from '../db/ids.ts'
import { holdRunning, operationById } from '../db/operations/begin.ts'
import { commitOnce } from '../db/operations/commit.ts'
import type { ServerId } from '../domain/ids.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { closeAccess, proveAccess } from '../drivers/servers/access.ts'
import { findDocker, installDocker } from '../drivers/servers/docker.ts'
import { type Arrival, arrivalOf, awaitSystem, banAttackers, createUser, installPackages, keepUpToDate } from '../drivers/servers/preparation.ts'
import type { ServiceStep } from '../drivers/services/contract-step.ts'
import type { Remote } from '../drivers/ssh/remote.ts'
import type { ActivityDeps } from './deps.ts'
import { finalFailure } from './failures.ts'
import type { OperationInput } from './operations.ts'
import { readyServer } from './ready-server.ts'
import { askServer, runStep } from './remote-step.ts'
import { verified } from './verification.ts'

const orders = stepNumbers.serverProvision

interface OnTarget extends OperationInput {
  server: ProvisioningTarget
}

/** `attempt` counts from 0: each has steps of its own. */
interface Closing extends OnTarget {
  attempt: number
}

/** Making servers ready (specification section 4), and bringing ready ones to today's rules. Until the hand-over they are logged in to as at their adoption, then as keystone. */
export function serverActivities(deps: ActivityDeps) {
  const { db, keyring, ssh } = deps

  /** As root, whoever has logged in. */
  const asRoot = <Facts>({ operationId, server }: OnTarget, order: number, step: ServiceStep<Facts>): Promise<Facts> =>
    runStep(deps, { operationId, order, serverId: server.id, step, user: 'root', login: server.login })

  const asKeystone = (input: OnTarget): OnTarget => ({ ...input, server: { ...input.server, login: 'management' } })

  return {
    /** The server that a `server_provision` is for, which is marked as being provisioned by it. */
    async planProvisioning(operation: OperationInput): Promise<ProvisioningTarget> {
      const { id, targetId } = await operationById(db, operation.operationId)
      const server = await beginProvisioning(db, idOf<ServerId>(targetId), id)
      if (!server) throw finalFailure({ code: 'server_is_removed', message: 'The server has been removed, or is about to be.' })
      return server
    },

    /** The server that a `server_harden` is for. Fails as `server_not_ready`. */
    async planHardening({ operationId }: OperationInput): Promise<ProvisioningTarget> {
      const { id, name, managementKeyPublic } = await readyServer(db, operationId)
      return { id, name, managementKeyPublic, login: 'management' }
    },

    /** Logs in, before anything is begun there, and says how Keystone comes to the server. */
    async reachServer({ server }: OnTarget): Promise<Arrival> {
      const access = await serverAccess(db, keyring, server.id, server.login)
      return askServer('reach server', async () => {
        const remote = ssh.to(access)
        if (access.user !== 'root') await requireSudo(remote, server.name, access.user)
        return arrivalOf((await remote.command(['printenv', 'SSH_CONNECTION'])).stdout)
      })
    },

    async awaitSystem(input: OnTarget): Promise<void> {
      await asRoot(input, orders.system, awaitSystem())
    },

    async createUser(input: OnTarget): Promise<void> {
      await asRoot(input, orders.user, createUser(input.server.managementKeyPublic))
    },

    /** Logs in as Keystone's own user; only then the first login is forgotten. */
    async handOver({ operationId, server }: OnTarget): Promise<void> {
      const access = await serverAccess(db, keyring, server.id, 'management')
      await askServer('hand over', () => requireSudo(ssh.to(access), server.name, access.user))
      await db.transaction(async (tx) => {
        await holdRunning(tx, operationId)
        await forgetFirstLogin(tx, server.id)
      })
    },

    async installPackages(input: OnTarget): Promise<void> {
      await asRoot(asKeystone(input), orders.packages, installPackages())
    },

    async installDocker(input: OnTarget): Promise<void> {
      const found = await asRoot(asKeystone(input), orders.findDocker, findDocker())
      await asRoot(asKeystone(input), orders.docker, installDocker(found))
    },

    async banAttackers({ arrival, ...input }: OnTarget & { arrival: Arrival }): Promise<void> {
      await asRoot(asKeystone(input), orders.ban, banAttackers(arrival))
    },

    async keepUpToDate(input: OnTarget): Promise<void> {
      await asRoot(asKeystone(input), orders.upToDate, keepUpToDate())
    },

    /** What is closed opens again by itself unless `proveAccess` follows. */
    async closeAccess({ arrival, attempt, ...input }: Closing & { arrival: Arrival }): Promise<void> {
      const { hostKey } = await serverAccess(db, keyring, input.server.id, 'management')
      await asRoot(asKeystone(input), orders.access + 2 * attempt, closeAccess({ ...arrival, hostKey: hostKey ?? '' }))
    },

    /** Comes in anew. False: nobody did in time, and it is to be closed once more. */
    async proveAccess({ attempt, ...input }: Closing): Promise<boolean> {
      ssh.renew(await serverAccess(db, keyring, input.server.id, 'management'))
      return asRoot(asKeystone(input), orders.access + 2 * attempt + 1, proveAccess())
    },

    /** Proves the server as a stranger and as keystone, and stores what it is. */
    async verifyServer({ operationId, server }: OnTarget): Promise<void> {
      const seen = await verified(deps, { operationId, order: orders.verify, serverId: server.id })
      await commitOnce(db, operationId, (tx) => activateServer(tx, server.id, seen))
    },
  }
}

async function requireSudo(remote: Remote, server: string, user: string): Promise<void> {
  const { exitCode } = await remote.command(['sudo', '-n', 'true'])
  if (exitCode === 0) return
  throw finalFailure({
    ...{ code: 'sudo_refused', message: `${user} cannot use sudo on ${server} without a password.`, server },
    hint: 'Adopt the server as root, or let this user use sudo without a password (NOPASSWD in sudoers).',
  })
}
