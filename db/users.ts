import { eq, sql } from 'drizzle-orm'
import type { UserId } from '../domain/ids.ts'
import type { Database } from './connect.ts'
import { users } from './schema/index.ts'

/** Who logs in, without his password's hash. */
export interface User {
  id: UserId
  email: string
  name: string
  createdAt: Date
}

const shown = { id: users.id, email: users.email, name: users.name, createdAt: users.createdAt }

export interface NewUser {
  email: string
  name: string
  passwordHash: string | null
}

/** Throws where the address is taken. */
export async function insertUser(tx: Database, user: NewUser): Promise<User> {
  const [created] = await tx.insert(users).values(user).returning(shown)
  if (!created) throw new Error('the user was not stored')
  return created
}

/** One user; throws where there is none, since the id comes from a token. */
export async function userById(db: Database, id: UserId): Promise<User> {
  const [found] = await db.select(shown).from(users).where(eq(users.id, id))
  if (!found) throw new Error(`there is no user ${id}`)
  return found
}

/** Id and hash of a user by his address, whatever its case. */
export async function accountOf(db: Database, email: string): Promise<{ id: UserId; passwordHash: string | null } | null> {
  const [found] = await db
    .select({ id: users.id, passwordHash: users.passwordHash })
    .from(users)
    .where(sql`lower(${users.email}) = lower(${email})`)
  return found ?? null
}

/** Changes name, address or password of a user; what is left out stays. */
export async function changeUser(tx: Database, id: UserId, change: Partial<NewUser>): Promise<void> {
  await tx.update(users).set({ ...change, updatedAt: sql`now()` }).where(eq(users.id, id))
}
