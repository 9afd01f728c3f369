import { serverPlace } from '../db/servers.ts'
import { serverAccess } from '../db/server-access.ts'
import type { ServerId } from '../domain/ids.ts'
import { type ServerFacts, verifyServer } from '../drivers/servers/verification.ts'
import type { ActivityDeps } from './deps.ts'
import { finalFailure } from './failures.ts'
import type { OperationInput } from './operations.ts'
import { askServer, runStep } from './remote-step.ts'

/** A server that is to be proven, by a step of this number. */
interface Verification extends OperationInput {
  order: number
  serverId: ServerId
}

/** Proves a server as a stranger and as keystone; returns what it is. */
export async function verified(deps: ActivityDeps, { operationId, order, serverId }: Verification): Promise<ServerFacts> {
  const { db, keyring, ssh } = deps
  const access = await serverAccess(db, keyring, serverId, 'management')
  const offered = await askServer('verify server', () => ssh.offeredLogins({ ...access, user: 'root' }))
  if (offered.some((way) => way !== 'publickey')) throw moreOffered(access.name, offered)
  return runStep(deps, { operationId, order, serverId, step: verifyServer(await serverPlace(db, serverId)) })
}

function moreOffered(server: string, offered: readonly string[]): Error {
  const message = `The SSH server of ${server} lets users prove themselves by ${offered.join(', ')}, where only by a key is right.`
  return finalFailure({ code: 'passwords_accepted', message, server, hint: 'Look for a Match block in its sshd_config that allows it.' })
}
