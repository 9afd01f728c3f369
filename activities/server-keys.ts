import { idOf } from '../db/ids.ts'
import { holdRunning, operationById } from '../db/operations/begin.ts'
import { commitOnce } from '../db/operations/commit.ts'
import { serverAccess } from '../db/server-access.ts'
import { beginServerKeyRotation, endServerKeyRotation, serverKeyRotationOf, switchServerKey } from '../db/server-keys.ts'
import { serverState } from '../db/server-removals.ts'
import type { OperationId, ServerId } from '../domain/ids.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { letKeyIn, shutKeyOut } from '../drivers/servers/keys.ts'
import { generateDeployKey } from '../drivers/sources/deploy-key.ts'
import type { ServerTarget } from '../drivers/ssh/remote.ts'
import type { ConvergenceInput } from './convergence.ts'
import type { ActivityDeps } from './deps.ts'
import { finalFailure } from './failures.ts'
import type { OperationInput } from './operations.ts'
import { readyServer } from './ready-server.ts'
import { askServer, runStep } from './remote-step.ts'

const orders = stepNumbers.serverKeyRotation

/** What a rotation begins with. */
export interface ServerKeyPlan {
  name: string
  /** An earlier rotation has come so far that the server has its next key: what is left of it is done. */
  isSwitched: boolean
}

/** Servers get another management key; at every moment the one that is stored as the server's lets Keystone in. */
export function serverKeyActivities(deps: ActivityDeps) {
  const { db, keyring, ssh } = deps

  const found = async (operationId: OperationId) => {
    const serverId = idOf<ServerId>((await operationById(db, operationId)).targetId)
    return { serverId, rotation: await serverKeyRotationOf(db, keyring, serverId) }
  }

  /** Comes in over a connection that is made now, by this key alone. */
  const comeIn = async (target: ServerTarget, what: string) => {
    ssh.renew(target)
    await askServer(what, () => ssh.to(target).command(['true']))
  }

  return {
    /** Makes the next key, or takes up a rotation that was not brought to its end. Fails as `server_not_ready`. */
    async planServerKeyRotation({ operationId }: OperationInput): Promise<ServerKeyPlan> {
      const { id, name } = await readyServer(db, operationId)
      const next = generateDeployKey(`keystone ${name}`)
      return db.transaction(async (tx) => {
        await holdRunning(tx, operationId)
        const stage = await beginServerKeyRotation(tx, keyring, { id, operationId, next })
        return { name, isSwitched: stage === 'retiring' }
      })
    },

    /** Lets the next key in beside the present one, and proves that it opens. */
    async admitServerKey({ operationId }: OperationInput): Promise<void> {
      const { serverId, rotation } = await found(operationId)
      if (rotation?.stage !== 'admitting') return
      await runStep(deps, { operationId, order: orders.admit, serverId, step: letKeyIn(rotation.publicKey) })
      const access = await serverAccess(db, keyring, serverId, 'management')
      await comeIn({ ...access, privateKey: rotation.privateKey }, 'prove next key')
    },

    /** The commit point of a rotation: whatever connects from now on shows the next key. */
    async switchServerKey({ operationId }: OperationInput): Promise<void> {
      await commitOnce(db, operationId, (tx, { targetId }) => switchServerKey(tx, keyring, idOf<ServerId>(targetId)))
    },

    /**
     * Shuts the key of before out, and proves that it opens no more while the server's own does; only then it is forgotten. Fails as
     * `old_key_accepted`.
     */
    async retireServerKey({ operationId, of }: ConvergenceInput): Promise<void> {
      const { serverId, rotation } = await found(of)
      if (rotation?.stage !== 'retiring') return
      const { name, managementKeyPublic } = await serverState(db, serverId)
      const step = shutKeyOut({ stays: managementKeyPublic, goes: rotation.publicKey })
      await runStep(deps, { operationId, order: orders.retire, serverId, step })
      const access = await serverAccess(db, keyring, serverId, 'management')
      const before = { ...access, privateKey: rotation.privateKey }
      await ssh.forget(before)
      if (await askServer('prove that the key of before is refused', () => ssh.isLetIn(before))) throw oldKeyAccepted(name)
      // A server that boots refuses everybody.
      await comeIn(access, 'prove key')
      await endServerKeyRotation(db, serverId)
    },

    /** Lets nobody in by the next key, which is not the server's in the end. */
    async withdrawServerKey({ operationId, of, order }: ConvergenceInput & { order: number }): Promise<void> {
      const { serverId, rotation } = await found(of)
      if (rotation?.stage !== 'admitting') return
      const { managementKeyPublic } = await serverState(db, serverId)
      const step = shutKeyOut({ stays: managementKeyPublic, goes: rotation.publicKey })
      await runStep(deps, { operationId, order, serverId, step })
      await ssh.forget({ ...(await serverAccess(db, keyring, serverId, 'management')), privateKey: rotation.privateKey })
      await endServerKeyRotation(db, serverId)
    },
  }
}

const oldKeyAccepted = (server: string) =>
  finalFailure({
    code: 'old_key_accepted',
    message: `${server} has another key of Keystone now, but lets the one before in too, though that is not in keystone's authorized_keys any more.`,
    server,
    hint: 'Look where else sshd takes keys from (sshd -T, authorizedkeysfile and authorizedkeyscommand), remove it there, then rotate the key again: it goes on where it was.',
  })
