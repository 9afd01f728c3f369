import { sql } from 'drizzle-orm'
import { check, index, jsonb, pgTable, primaryKey, smallint, text, unique, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { roles, tokenKinds } from '../../domain/access.ts'
import type { InvitationId, OrganisationId, RegistryId, TokenId, UserId } from '../../domain/ids.ts'
import { id, moment, oneOf, sealed, timestamps } from './columns.ts'

export const organisations = pgTable(
  'organisations',
  { id: id<OrganisationId>(), name: text('name').notNull(), removedAt: moment('removed_at'), ...timestamps },
  (t) => [uniqueIndex('organisations_name').on(sql`lower(${t.name})`).where(sql`${t.removedAt} is null`)],
)

export const organisationId = () =>
  uuid('organisation_id')
    .$type<OrganisationId>()
    .notNull()
    .references(() => organisations.id)

/** Who logs in; a null password hash (argon2id) means that this is done by tokens alone. */
export const users = pgTable(
  'users',
  { id: id<UserId>(), email: text('email').notNull(), name: text('name').notNull(), passwordHash: text('password_hash'), ...timestamps },
  (t) => [uniqueIndex('users_email').on(sql`lower(${t.email})`)],
)

export const memberships = pgTable(
  'memberships',
  {
    organisationId: organisationId(),
    userId: uuid('user_id').$type<UserId>().notNull().references(() => users.id),
    role: text('role', { enum: roles }).notNull(),
    ...timestamps,
  },
  (t) => [primaryKey({ columns: [t.organisationId, t.userId] }), oneOf('memberships_role', t.role, roles)],
)

/**
 * Bearer tokens: only the SHA-256 is stored; the prefix is what people recognise them by. A null organisation reaches all of the
 * user's. A token of an organisation speaks for no user: its scopes are the role that it has there.
 */
export const apiTokens = pgTable(
  'api_tokens',
  {
    id: id<TokenId>(),
    kind: text('kind', { enum: tokenKinds }).notNull().default('personal'),
    organisationId: uuid('organisation_id').$type<OrganisationId>().references(() => organisations.id),
    userId: uuid('user_id').$type<UserId>().references(() => users.id),
    createdBy: uuid('created_by').$type<UserId>().references(() => users.id),
    name: text('name').notNull(),
    prefix: text('prefix').notNull(),
    hash: text('hash').notNull().unique(),
    scopes: text('scopes', { enum: roles }).array(),
    expiresAt: moment('expires_at'),
    lastUsedAt: moment('last_used_at'),
    revokedAt: moment('revoked_at'),
    ...timestamps,
  },
  (t) => [
    index('api_tokens_user').on(t.userId),
    index('api_tokens_organisation').on(t.organisationId),
    oneOf('api_tokens_kind', t.kind, tokenKinds),
    check('api_tokens_holder', sql`(${t.kind} = 'organisation') = (${t.userId} is null)`),
    check('api_tokens_of_organisation', sql`${t.userId} is not null or (${t.organisationId} is not null and coalesce(cardinality(${t.scopes}), 0) > 0)`),
  ],
)

/** Of its token only the SHA-256 is stored. At most one is open for an address in an organisation. */
export const invitations = pgTable(
  'invitations',
  {
    id: id<InvitationId>(),
    organisationId: organisationId(),
    email: text('email').notNull(),
    role: text('role', { enum: roles }).notNull(),
    hash: text('hash').notNull().unique(),
    invitedBy: uuid('invited_by').$type<UserId>().references(() => users.id),
    expiresAt: moment('expires_at').notNull(),
    acceptedBy: uuid('accepted_by').$type<UserId>().references(() => users.id),
    acceptedAt: moment('accepted_at'),
    revokedAt: moment('revoked_at'),
    ...timestamps,
  },
  (t) => [
    uniqueIndex('invitations_open').on(t.organisationId, sql`lower(${t.email})`).where(sql`${t.acceptedAt} is null and ${t.revokedAt} is null`),
    oneOf('invitations_role', t.role, roles),
    check('invitations_accepted', sql`(${t.acceptedAt} is null) = (${t.acceptedBy} is null)`),
  ],
)

/** A bucket that every attempt fills and time drains; a row whose time has passed is the same as none. */
export const rateLimits = pgTable(
  'rate_limits',
  { key: text('key').primaryKey(), drainedAt: moment('drained_at').notNull() },
  (t) => [index('rate_limits_drained').on(t.drainedAt)],
)

/** Who changed what. A null organisation: what a user changed of his own account. */
export const auditEvents = pgTable(
  'audit_events',
  {
    id: id<string>(),
    organisationId: uuid('organisation_id').$type<OrganisationId>().references(() => organisations.id),
    userId: uuid('user_id').$type<UserId>().references(() => users.id),
    tokenId: uuid('token_id').$type<TokenId>().references(() => apiTokens.id),
    action: text('action').notNull(),
    targetType: text('target_type').notNull(),
    targetId: uuid('target_id').notNull(),
    details: jsonb('details').$type<Record<string, unknown>>().notNull().default({}),
    createdAt: moment('created_at').notNull().defaultNow(),
  },
  (t) => [
    index('audit_events_organisation').on(t.organisationId, t.id),
    index('audit_events_target').on(t.organisationId, t.targetId, t.id),
    index('audit_events_user').on(t.userId, t.id),
  ],
)

/** The stored answer of a request with an Idempotency-Key; the same key with another body is refused. */
export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    organisationId: organisationId(),
    key: text('key').notNull(),
    requestHash: text('request_hash').notNull(),
    status: smallint('status').notNull(),
    body: jsonb('body').notNull(),
    createdAt: moment('created_at').notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.organisationId, t.key] })],
)

export const registryTypes = ['generic', 'gitea', 'ghcr', 'docker_hub'] as const
/** What Keystone does there: builds are pushed, and images that were made elsewhere are only pulled. */
export const registryUses = ['push', 'pull'] as const

export const registries = pgTable(
  'registries',
  {
    id: id<RegistryId>(),
    organisationId: organisationId(),
    name: text('name').notNull(),
    type: text('type', { enum: registryTypes }).notNull(),
    url: text('url').notNull(),
    namespace: text('namespace'),
    username: text('username'),
    password: sealed('password'),
    insecure: text('insecure', { enum: ['no', 'plain_http'] }).notNull().default('no'),
    use: text('use', { enum: registryUses }).notNull().default('push'),
    verifiedAt: moment('verified_at'),
    ...timestamps,
  },
  (t) => [
    uniqueIndex('registries_name').on(t.organisationId, t.name),
    unique('registries_in_organisation').on(t.organisationId, t.id),
    oneOf('registries_type', t.type, registryTypes),
    oneOf('registries_insecure', t.insecure, ['no', 'plain_http']),
    oneOf('registries_use', t.use, registryUses),
    check('registries_credentials', sql`(${t.username} is null) = (${t.password} is null)`),
  ],
)
