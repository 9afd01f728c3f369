import { z } from '@hono/zod-openapi'
import type { TokenHolder, Reached } from '../../db/access.ts'
import type { User } from '../../db/users.ts'
import { roles, tokenKinds } from '../../domain/access.ts'
import type { Session } from '../login.ts'
import { email, line, moment } from './fields.ts'

const shortestPassword = 12
const longestPassword = 200

/** A password that is given to be compared. */
const givenPassword = z.string().min(1, 'must not be empty').max(longestPassword, `must have at most ${longestPassword} characters`)

/** A password that is chosen (NIST SP 800-63B: long, and nothing else is demanded of it). */
export const newPassword = givenPassword.min(shortestPassword, `must have at least ${shortestPassword} characters`)

export const loginSchema = z.strictObject({ email, password: givenPassword }).openapi('Login')

export const userChangeSchema = z
  .strictObject({ email: email.optional(), name: line(100).optional() })
  .refine((change) => Object.values(change).some((value) => value !== undefined), 'must name at least one field')
  .openapi('UserChange')

export const passwordChangeSchema = z
  .strictObject({
    currentPassword: givenPassword.optional().openapi({ description: 'Needed where there is one already.' }),
    password: newPassword,
  })
  .openapi('PasswordChange')

export const userSchema = z.object({ id: z.uuid(), email: z.string(), name: z.string(), createdAt: moment }).openapi('User')

export const presentUser = ({ id, email: address, name, createdAt }: User): z.infer<typeof userSchema> => ({
  ...{ id, email: address, name },
  createdAt: createdAt.toISOString(),
})

export const sessionSchema = z
  .object({ token: z.string().openapi({ description: 'Shown this once.' }), expiresAt: moment, user: userSchema })
  .openapi('Session')

export const presentSession = ({ token, expiresAt }: Session, user: User): z.infer<typeof sessionSchema> => ({
  token: token.reveal(),
  expiresAt: expiresAt.toISOString(),
  user: presentUser(user),
})

export const whoSchema = z
  .object({
    user: z.union([userSchema, z.null()]).openapi({ description: 'Null where the token speaks for an organisation and no user.' }),
    token: z.object({ id: z.uuid(), kind: z.enum(tokenKinds), isWhole: z.boolean().openapi({ description: 'Neither of one organisation nor with scopes.' }) }),
    organisations: z
      .array(z.object({ id: z.uuid(), name: z.string(), role: z.enum(roles) }))
      .openapi({ description: 'The newest hundred that the token reaches, with what it may do there.' }),
  })
  .openapi('Who')

export const presentWho = (
  { tokenId, kind }: TokenHolder,
  { user, isWhole, reached }: { user: User | null; isWhole: boolean; reached: readonly Reached[] },
): z.infer<typeof whoSchema> => ({
  user: user && presentUser(user),
  token: { id: tokenId, kind, isWhole },
  organisations: reached.map(({ id, name, role }) => ({ id, name, role })),
})
