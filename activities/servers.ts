import { idOf } from '../db/ids.ts'
import { serverPlace } from '../db/servers.ts'
import { activateServer, beginProvisioning, type ProvisioningTarget } from '../db/server-access.ts'
import { operationById } from '../db/operations/begin.ts'
import { commitOnce } from '../db/operations/commit.ts'
import type { ServerId } from '../domain/ids.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { prepareServer, verifyServer } from '../drivers/servers/preparation.ts'
import type { ActivityDeps } from './deps.ts'
import type { OperationInput } from './operations.ts'
import { runStep } from './remote-step.ts'

const { prepare, verify } = stepNumbers.serverProvision

interface OnTarget extends OperationInput {
  server: ProvisioningTarget
}

/** Provisioning of a server that its user gave the address of (specification section 4). */
export function serverActivities(deps: ActivityDeps) {
  const { db } = deps
  return {
    /** The server that a `server_provision` is for, which is marked as being provisioned by it. */
    async planProvisioning(operation: OperationInput): Promise<ProvisioningTarget> {
      const { id, targetId } = await operationById(db, operation.operationId)
      return beginProvisioning(db, idOf<ServerId>(targetId), id)
    },

    /** Installs what Keystone needs, with its user and key, as root (by the adoption key while it is there). */
    async prepareServer({ operationId, server }: OnTarget): Promise<void> {
      const step = prepareServer({ managementKey: server.managementKeyPublic })
      await runStep(deps, { operationId, order: prepare, serverId: server.id, step, user: 'root', login: server.login })
    },

    /** Proves the server over a connection of its own, with Keystone's key; only then the adoption key is forgotten. */
    async verifyServer({ operationId, server }: OnTarget): Promise<void> {
      const seen = await runStep(deps, { operationId, order: verify, serverId: server.id, step: verifyServer(await serverPlace(db, server.id)) })
      await commitOnce(db, operationId, (tx) => activateServer(tx, server.id, seen))
    },
  }
}
