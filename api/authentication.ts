import { createMiddleware } from 'hono/factory'
import { membershipOf, type Role, tokenHolder } from '../db/access.ts'
import { roles } from '../db/schema/access.ts'
import type { ApiContext, ApiDependencies, ApiEnv } from './context.ts'
import { notFound, Problem } from './problem.ts'
import { organisationIdSchema } from './schemas/fields.ts'

/** Finds who speaks by the bearer token. */
export const authenticated = ({ db }: ApiDependencies) =>
  createMiddleware<ApiEnv>(async (c, next) => {
    const token = /^Bearer (\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1]
    if (!token) throw unauthenticated('authentication_required', 'Send an API token in the header authorization: Bearer ks_….')
    const holder = await tokenHolder(db, token)
    if (!holder) throw unauthenticated('invalid_token', 'The token is unknown, expired or revoked: use another one.')
    c.set('actor', holder)
    await next()
  })

const unauthenticated = (code: string, detail: string): Problem =>
  new Problem(401, code, detail, { headers: { 'www-authenticate': 'Bearer realm="keystone"' } })

/** Finds the organisation of the path; one that the token does not reach looks as if it did not exist. */
export const member = ({ db }: ApiDependencies) =>
  createMiddleware<ApiEnv>(async (c, next) => {
    const id = organisationIdSchema.safeParse(c.req.param('organisationId'))
    const membership = id.success ? await membershipOf(db, c.var.actor, id.data) : null
    if (!membership) throw notFound('organisation')
    c.set('organisation', { id: membership.id, role: narrowed(membership.role, c.var.actor.scopes) })
    await next()
  })

/** From the most to the least mighty; each may do what those behind it may. */
const rank = (role: Role): number => roles.indexOf(role)

/** Scopes of a token are roles: it acts as the mightiest of them, and never beyond its holder's own. */
function narrowed(role: Role, scopes: readonly string[] | null): Role {
  if (scopes === null) return role
  const mightiest = roles.find((scope) => scopes.includes(scope)) ?? 'viewer'
  return rank(mightiest) > rank(role) ? mightiest : role
}

/** Whether the caller has this role in the organisation or a mightier one. */
export const allows = (c: ApiContext, needed: Role): boolean => rank(c.var.organisation.role) <= rank(needed)

/** Throws a 403 where the caller has neither this role in the organisation nor a mightier one. */
export function requireRole(c: ApiContext, needed: Role): void {
  if (allows(c, needed)) return
  throw new Problem(
    403,
    'role_required',
    `This needs the role ${needed}, and yours is ${c.var.organisation.role}: ask an owner of the organisation.`,
  )
}

/** Lets only this role and mightier ones pass. */
export const requires = (needed: Role) =>
  createMiddleware<ApiEnv>(async (c, next) => {
    requireRole(c, needed)
    await next()
  })
