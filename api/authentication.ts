import { createMiddleware } from 'hono/factory'
import { reachedBy, type TokenHolder, tokenHolder } from '../db/access.ts'
import { isAtLeast, type Role } from '../domain/access.ts'
import type { UserId } from '../domain/ids.ts'
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
    const organisation = id.success ? await reachedBy(db, c.var.actor, id.data) : null
    if (!organisation) throw notFound('organisation')
    c.set('organisation', organisation)
    await next()
  })

/** Whether the caller has this role in the organisation or a mightier one. */
export const allows = (c: ApiContext, needed: Role): boolean => isAtLeast(c.var.organisation.role, needed)

/** Throws a 403 where the caller has neither this role in the organisation nor a mightier one. */
export function requireRole(c: ApiContext, needed: Role): void {
  if (allows(c, needed)) return
  throw new Problem(
    403,
    'role_required',
    `This needs the role ${needed}, and yours is ${c.var.organisation.role}: ask an owner of the organisation.`,
  )
}

const requiredRoles = new WeakMap<object, Role>()

/** Lets only this role and mightier ones pass. */
export function requires(needed: Role) {
  const gate = createMiddleware<ApiEnv>(async (c, next) => {
    requireRole(c, needed)
    await next()
  })
  requiredRoles.set(gate, needed)
  return gate
}

/** The role that a handler of a route lets pass, where it was made by `requires`: the document says what is enforced. */
export const requiredRole = (handler: object): Role | undefined => requiredRoles.get(handler)

/** Whether the token is all that its user is: what changes an account is for nothing less. */
export const isWhole = ({ userId, organisationId, scopes }: TokenHolder): boolean => userId !== null && organisationId === null && scopes === null

/** Lets only tokens pass that are all that their user is. */
export const wholeAccount = createMiddleware<ApiEnv>(async (c, next) => {
  accountOf(c)
  await next()
})

/** The user whom a whole token speaks for. Throws a 403 for every other token. */
export function accountOf(c: ApiContext): UserId {
  const { userId } = c.var.actor
  if (userId !== null && isWhole(c.var.actor)) return userId
  throw new Problem(403, 'whole_token_required', 'This token is of one organisation or has scopes: log in, or use a token of your own without them.')
}
