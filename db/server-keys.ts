import { and, eq } from 'drizzle-orm'
import type { OperationId, ServerId } from '../domain/ids.ts'
import type { Keyring } from '../domain/keyring.ts'
import { sealedPlaces } from '../domain/sealed-places.ts'
import type { Secret } from '../domain/secret.ts'
import type { Database } from './connect.ts'
import { serverKeyRotations, servers } from './schema/index.ts'

interface KeyPair {
  publicKey: string
  privateKey: Secret
}

/** A server that gets another management key, with the other of its two: for the engine only. */
export interface ServerKeyRotation extends KeyPair {
  operationId: OperationId
  stage: 'admitting' | 'retiring'
}

/** The rotation of a server's key; null where none is under way. */
export async function serverKeyRotationOf(db: Database, keyring: Keyring, id: ServerId): Promise<ServerKeyRotation | null> {
  const [row] = await db.select().from(serverKeyRotations).where(eq(serverKeyRotations.serverId, id))
  if (!row) return null
  const { operationId, stage, publicKey, privateKey } = row
  return { operationId, stage, publicKey, privateKey: keyring.open(privateKey, sealedPlaces.otherManagementKey(id)) }
}

/** Takes a rotation up: a new one with this next key, or the one that is under way with its own. Answers how far it has come. */
export async function beginServerKeyRotation(
  tx: Database,
  keyring: Keyring,
  { id, operationId, next }: { id: ServerId; operationId: OperationId; next: KeyPair },
): Promise<ServerKeyRotation['stage']> {
  const privateKey = keyring.seal(next.privateKey, sealedPlaces.otherManagementKey(id))
  const [row] = await tx
    .insert(serverKeyRotations)
    .values({ serverId: id, operationId, stage: 'admitting', publicKey: next.publicKey, privateKey })
    .onConflictDoUpdate({ target: serverKeyRotations.serverId, set: { operationId } })
    .returning({ stage: serverKeyRotations.stage })
  if (!row) throw new Error(`the rotation of the key of server ${id} was not stored`)
  return row.stage
}

/** The next key becomes the server's, and the one before is kept until it is shut out. Nothing where that has happened. */
export async function switchServerKey(tx: Database, keyring: Keyring, id: ServerId): Promise<void> {
  const rotation = await serverKeyRotationOf(tx, keyring, id)
  if (rotation?.stage !== 'admitting') return
  const [server] = await tx.select().from(servers).where(eq(servers.id, id)).for('update')
  if (!server) throw new Error(`server ${id} does not exist`)
  const before = keyring.open(server.managementKeyPrivate, sealedPlaces.managementKey(id))
  const now = { managementKeyPublic: rotation.publicKey, managementKeyPrivate: keyring.seal(rotation.privateKey, sealedPlaces.managementKey(id)) }
  await tx.update(servers).set(now).where(eq(servers.id, id))
  const other = { publicKey: server.managementKeyPublic, privateKey: keyring.seal(before, sealedPlaces.otherManagementKey(id)) }
  await tx.update(serverKeyRotations).set({ stage: 'retiring', ...other }).where(eq(serverKeyRotations.serverId, id))
}

/** The server has one key again. */
export async function endServerKeyRotation(db: Database, id: ServerId): Promise<void> {
  await db.delete(serverKeyRotations).where(eq(serverKeyRotations.serverId, id))
}

/** The server that may let in a next key of this operation, which is not its own; null where there is none. */
export async function serverWithKeyOf(db: Database, operationId: OperationId): Promise<ServerId | null> {
  const isAdmitted = and(eq(serverKeyRotations.operationId, operationId), eq(serverKeyRotations.stage, 'admitting'))
  const [row] = await db.select({ serverId: serverKeyRotations.serverId }).from(serverKeyRotations).where(isAdmitted)
  return row?.serverId ?? null
}
