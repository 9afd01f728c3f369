import type { Database } from '../db/connect.ts'
import { type Server, serversAmong } from '../db/servers.ts'
import type { OrganisationId, ServerId } from '../domain/ids.ts'
import { Problem } from './problem.ts'

/** Servers named in a body. Throws a 422 for those that the organisation does not have; `field` says where each stands. */
export async function namedServers(
  db: Database,
  organisationId: OrganisationId,
  ids: readonly ServerId[],
  field: (index: number) => string,
): Promise<Server[]> {
  const servers = await serversAmong(db, organisationId, ids)
  const errors = ids.flatMap((id, index) => {
    const named = servers.find((server) => server.id === id)
    if (named && named.status !== 'removing') return []
    return [{ field: field(index), message: named ? `${named.name} is being removed` : 'there is no such server in this organisation' }]
  })
  if (errors.length === 0) return servers
  throw new Problem(422, 'unknown_server', errors.map((error) => `${error.field}: ${error.message}`).join('; '), { errors })
}
