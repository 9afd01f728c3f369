import type { Database } from '../db/connect.ts'
import { idOf } from '../db/ids.ts'
import { operationById } from '../db/operations/begin.ts'
import { serverState } from '../db/server-removals.ts'
import type { OperationId, ServerId } from '../domain/ids.ts'
import { readinessRefusal } from '../domain/servers.ts'
import { finalFailure } from './failures.ts'

/** The server that an operation is for. Fails as `server_not_ready` where Keystone's own login does not work there yet, or no more. */
export async function readyServer(db: Database, operationId: OperationId) {
  const server = await serverState(db, idOf<ServerId>((await operationById(db, operationId)).targetId))
  const refusal = readinessRefusal(server)
  if (refusal) throw finalFailure(refusal)
  return server
}
