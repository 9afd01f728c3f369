import { and, eq, notInArray, sql } from 'drizzle-orm'
import type { OperationId, ServerId } from '../domain/ids.ts'
import type { Keyring } from '../domain/keyring.ts'
import { sealedPlaces } from '../domain/sealed-places.ts'
import type { Secret } from '../domain/secret.ts'
import type { Database } from './connect.ts'
import { givenHostKeyOf } from './machines.ts'
import { servers } from './schema/index.ts'

/** `management`: Keystone's own key and user, once they work. `adoption`: as the server was first let in to. */
export type Login = 'management' | 'adoption'

/** By what a user proves himself. */
export type Credential = { privateKey: Secret } | { password: Secret }

/** Where and as whom a server is logged in to; `hostKey` is the pinned key line, null before the adoption. */
export type ServerAccess = Credential & {
  serverId: string
  name: string
  address: string
  port: number
  user: string
  hostKey: string | null
}

/** How a server is logged in to. Throws when it does not exist, or when its first login has been forgotten. */
export async function serverAccess(db: Database, keyring: Keyring, id: ServerId, login: Login): Promise<ServerAccess> {
  const [server] = await db.select().from(servers).where(eq(servers.id, id))
  if (!server) throw new Error(`server ${id} does not exist`)
  if (server.address === null) throw new Error(`server ${server.name} has no machine yet`)
  const { adoptionUser: user, adoptionKeyPrivate, adoptionPassword } = server
  const target = { serverId: id, name: server.name, address: server.address, port: server.sshPort, hostKey: server.hostKey }
  if (login === 'management') {
    return { ...target, user: 'keystone', privateKey: keyring.open(server.managementKeyPrivate, sealedPlaces.managementKey(id)) }
  }
  if (adoptionKeyPrivate) return { ...target, user, privateKey: keyring.open(adoptionKeyPrivate, sealedPlaces.adoptionKey(id)) }
  if (adoptionPassword) return { ...target, user, password: keyring.open(adoptionPassword, sealedPlaces.adoptionPassword(id)) }
  throw new Error(`the first login of server ${server.name} has been forgotten`)
}

/** A server that is being provisioned. */
export interface ProvisioningTarget {
  id: ServerId
  name: string
  managementKeyPublic: string
  /** The first one while the server is being adopted; afterwards Keystone's own is used. */
  login: Login
  /** Its machine is not made yet, or has not been worked with; histories of before do not say. */
  isToBeMade?: boolean
}

/**
 * What provisioning needs to know of a server, which is marked as being provisioned by this operation; null where it is removed. One that
 * was made ready before is in service meanwhile, and stays what it is should this fail: whether it answers is for the watch to say.
 */
export async function beginProvisioning(db: Database, id: ServerId, operationId: OperationId): Promise<ProvisioningTarget | null> {
  const [server] = await db
    .update(servers)
    .set({
      provisionedBy: operationId,
      status: sql`case when ${servers.status} in ('active', 'unreachable') then ${servers.status} else 'provisioning' end`,
    })
    .where(and(eq(servers.id, id), notInArray(servers.status, ['removing', 'removed'])))
    .returning()
  if (!server) return null
  const { name, managementKeyPublic } = server
  const isToBeMade = (await givenHostKeyOf(db, id)) !== null
  return { id, name, managementKeyPublic, ...(isToBeMade ? { isToBeMade } : {}), login: isAdopted(server) ? 'management' : 'adoption' }
}

const isAdopted = ({ adoptionKeyPrivate, adoptionPassword }: typeof servers.$inferSelect): boolean => !adoptionKeyPrivate && !adoptionPassword

/** Keystone's own key works: from now on there is no other. */
export async function forgetFirstLogin(tx: Database, id: ServerId): Promise<void> {
  await tx.update(servers).set({ adoptionKeyPrivate: null, adoptionPassword: null }).where(eq(servers.id, id))
}

/** A server that has been found to be as it should. */
export async function activateServer(
  db: Database,
  id: ServerId,
  seen: { architecture: 'amd64' | 'arm64'; facts: Record<string, string> },
): Promise<void> {
  await db.update(servers).set({ ...seen, status: 'active' }).where(eq(servers.id, id))
}
