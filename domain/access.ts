import type { Failure } from './operations.ts'

/** What a member of an organisation may do, from the most to the least mighty; each may do what those behind it may. */
export const roles = ['owner', 'admin', 'deployer', 'viewer'] as const
export type Role = (typeof roles)[number]

/** `session` is what a login gives; `organisation` speaks for no user. */
export const tokenKinds = ['personal', 'session', 'organisation'] as const
export type TokenKind = (typeof tokenKinds)[number]

const rank = (role: Role): number => roles.indexOf(role)

/** Whether who has this role may do what needs the other. */
export const isAtLeast = (role: Role, needed: Role): boolean => rank(role) <= rank(needed)

/** Scopes of a token are roles: it acts as the mightiest of them, and never beyond its holder's own. Null takes nothing away. */
export function narrowed(role: Role, scopes: readonly Role[] | null): Role {
  if (scopes === null) return role
  const mightiest = mightiestOf(scopes)
  return rank(mightiest) > rank(role) ? mightiest : role
}

/** What a token with these scopes acts as at most. */
export const mightiestOf = (scopes: readonly Role[]): Role => roles.find((role) => scopes.includes(role)) ?? 'viewer'

/** Nobody gives more than he has: why `own` may not give the role `given`, or null where it may. */
export function givingRefusal(own: Role, given: Role): Failure | null {
  if (isAtLeast(own, given)) return null
  return { code: 'role_exceeded', message: `You are ${own} and cannot give the role ${given}.`, hint: 'Ask an owner of the organisation.' }
}

/** A member whose role is to be changed, or who is to be removed where `to` is null; `owners` counts those of the organisation. */
export interface MemberChange {
  own: Role
  member: { email: string; role: Role }
  to: Role | null
  owners: number
}

/** Why a membership cannot be changed so: nobody changes one that is mightier than his own, and the last owner stays. */
export function memberRefusal({ own, member, to, owners }: MemberChange): Failure | null {
  if (!isAtLeast(own, member.role)) {
    const message = `${member.email} is ${member.role}, and you are ${own}.`
    return { code: 'role_exceeded', message, hint: 'Ask an owner of the organisation.' }
  }
  if (member.role === 'owner' && to !== 'owner' && owners === 1) {
    return { code: 'last_owner', message: `${member.email} is the last owner.`, hint: 'Make somebody else an owner first, or delete the organisation.' }
  }
  return to === null ? null : givingRefusal(own, to)
}
