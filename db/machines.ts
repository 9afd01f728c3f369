import { and, eq, isNotNull, sql } from 'drizzle-orm'
import type { OrganisationId, ProviderId, ServerId } from '../domain/ids.ts'
import type { Keyring } from '../domain/keyring.ts'
import type { MachineChoice } from '../domain/providers.ts'
import { sealedPlaces } from '../domain/sealed-places.ts'
import type { Secret } from '../domain/secret.ts'
import type { Database } from './connect.ts'
import { newId } from './ids.ts'
import { machines, servers } from './schema/index.ts'

interface KeyPair {
  publicKey: string
  privateKey: Secret
}

/** A server whose machine is to be bought. */
export interface Purchase extends MachineChoice {
  organisationId: OrganisationId
  providerId: ProviderId
  name: string
  managementKey: KeyPair
  /** Root's, until the management key works. */
  loginKey: KeyPair
  /** What the machine is given to prove itself by; it is pinned until the machine has one of its own. */
  givenHostKey: KeyPair
}

/** Stores a server that has no machine yet; the private keys are sealed. */
export async function insertPurchase(tx: Database, keyring: Keyring, purchase: Purchase): Promise<ServerId> {
  const { organisationId, providerId, name, managementKey, loginKey, givenHostKey, ...choice } = purchase
  const id = newId<ServerId>()
  await tx.insert(servers).values({
    ...{ id, organisationId, providerId, name, hostKey: givenHostKey.publicKey },
    managementKeyPublic: managementKey.publicKey,
    managementKeyPrivate: keyring.seal(managementKey.privateKey, sealedPlaces.managementKey(id)),
    adoptionKeyPrivate: keyring.seal(loginKey.privateKey, sealedPlaces.adoptionKey(id)),
  })
  await tx.insert(machines).values({ ...choice, serverId: id, givenHostKey: keyring.seal(givenHostKey.privateKey, sealedPlaces.givenHostKey(id)) })
  return id
}

/** The host key that the machine of a server is made with, sealed; null where it has one of its own, or was adopted. */
export async function givenHostKeyOf(db: Database, id: ServerId): Promise<string | null> {
  const [machine] = await db.select({ givenHostKey: machines.givenHostKey }).from(machines).where(eq(machines.serverId, id))
  return machine?.givenHostKey ?? null
}

/** What is to be made for a server, while its machine has not been worked with; null afterwards. */
export async function orderOf(db: Database, keyring: Keyring, id: ServerId) {
  const [row] = await db.select().from(servers).innerJoin(machines, eq(machines.serverId, servers.id)).where(eq(servers.id, id))
  if (!row) return null
  const { servers: server, machines: machine } = row
  if (!machine.givenHostKey || !server.adoptionKeyPrivate || !server.providerId) return null
  const { organisationId, name, providerId } = server
  const { location, type, image, network } = machine
  return {
    ...{ organisationId, serverId: id, name, providerId, location, type, image, network },
    loginKey: keyring.open(server.adoptionKeyPrivate, sealedPlaces.adoptionKey(id)),
    givenHostKey: keyring.open(machine.givenHostKey, sealedPlaces.givenHostKey(id)),
  }
}

/** The machine that a provider has made. `network`: the name that its private network has among those of all providers. */
interface Made {
  providerServerId: string
  address: string
  privateAddress: string | null
  privateNetwork: string | null
}

/** Where a server is by now. */
export async function recordMachine(db: Database, id: ServerId, made: Made): Promise<void> {
  await db.update(servers).set(made).where(eq(servers.id, id))
}

/** The machine has a host key of its own, which is pinned in the place of the given one. */
export async function pinOwnHostKey(db: Database, id: ServerId, hostKey: string): Promise<void> {
  const isGiven = sql`exists (select from machines where machines.server_id = ${id} and machines.given_host_key is not null)`
  await db.update(servers).set({ hostKey }).where(and(eq(servers.id, id), isGiven))
}

/** Nobody proves himself by the given host key any more. */
export async function forgetGivenHostKey(db: Database, id: ServerId): Promise<void> {
  await db.update(machines).set({ givenHostKey: null }).where(and(eq(machines.serverId, id), isNotNull(machines.givenHostKey)))
}
