import { eq, sql } from 'drizzle-orm'
import type { OperationId, ServerId } from '../domain/ids.ts'
import type { Keyring } from '../domain/keyring.ts'
import { sealedPlaces } from '../domain/sealed-places.ts'
import type { Secret } from '../domain/secret.ts'
import type { Database } from './connect.ts'
import { servers } from './schema/index.ts'

/** `management`: Keystone's own key and user, once the server is provisioned. `adoption`: root by the key it was adopted with. */
export type Login = 'management' | 'adoption'

/** Where and as whom a server is logged in to; `hostKey` is the pinned key line, null before the adoption. */
export interface ServerAccess {
  serverId: ServerId
  name: string
  address: string
  port: number
  user: string
  hostKey: string | null
  privateKey: Secret
}

/** How a server is logged in to. Throws when it does not exist, or when its adoption key is gone. */
export async function serverAccess(db: Database, keyring: Keyring, id: ServerId, login: Login): Promise<ServerAccess> {
  const [server] = await db.select().from(servers).where(eq(servers.id, id))
  if (!server) throw new Error(`server ${id} does not exist`)
  const target = { serverId: id, name: server.name, address: server.address, port: server.sshPort, hostKey: server.hostKey }
  if (login === 'management') {
    return { ...target, user: 'keystone', privateKey: keyring.open(server.managementKeyPrivate, sealedPlaces.managementKey(id)) }
  }
  if (!server.adoptionKeyPrivate) throw new Error(`the adoption key of server ${server.name} is gone`)
  return { ...target, user: 'root', privateKey: keyring.open(server.adoptionKeyPrivate, sealedPlaces.adoptionKey(id)) }
}

/** A server that is being provisioned. */
export interface ProvisioningTarget {
  id: ServerId
  name: string
  managementKeyPublic: string
  /** Root's key while the server is being adopted; afterwards Keystone's own login is used. */
  login: Login
}

/** What provisioning needs to know of a server, which is marked as being provisioned by this operation. */
export async function beginProvisioning(db: Database, id: ServerId, operationId: OperationId): Promise<ProvisioningTarget> {
  const [server] = await db
    .update(servers)
    .set({
      provisionedBy: operationId,
      status: sql`case when ${servers.status} = 'active' then 'active' else 'provisioning' end`,
    })
    .where(eq(servers.id, id))
    .returning()
  if (!server) throw new Error(`server ${id} does not exist`)
  const { name, managementKeyPublic } = server
  return { id, name, managementKeyPublic, login: server.adoptionKeyPrivate ? 'adoption' : 'management' }
}

/** A server that answered as Keystone's own user: active, and the adoption key is forgotten. */
export async function activateServer(
  db: Database,
  id: ServerId,
  seen: { architecture: 'amd64' | 'arm64'; facts: Record<string, string> },
): Promise<void> {
  await db.update(servers).set({ ...seen, status: 'active', adoptionKeyPrivate: null }).where(eq(servers.id, id))
}
