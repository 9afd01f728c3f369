import { sql } from 'drizzle-orm'
import { boolean, check, integer, jsonb, pgTable, text, unique, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import type { OpenPort } from '../../domain/firewall.ts'
import type { OperationId, ProviderId, ServerId } from '../../domain/ids.ts'
import { providerTypes } from '../../domain/providers.ts'
import { organisationId } from './access.ts'
import { id, label, moment, ofSameOwner, oneOf, sealed, timestamps } from './columns.ts'

export const serverStatuses = ['new', 'provisioning', 'active', 'failed', 'unreachable', 'removing', 'removed'] as const
export const architectures = ['amd64', 'arm64'] as const

export const providers = pgTable(
  'providers',
  {
    id: id<ProviderId>(),
    organisationId: organisationId(),
    name: text('name').notNull(),
    type: text('type', { enum: providerTypes }).notNull(),
    token: sealed('token').notNull(),
    verifiedAt: moment('verified_at'),
    ...timestamps,
  },
  (t) => [
    uniqueIndex('providers_name').on(t.organisationId, t.name),
    unique('providers_in_organisation').on(t.organisationId, t.id),
    oneOf('providers_type', t.type, providerTypes),
  ],
)

/** A machine of the user's. `hostKey` is pinned at adoption; the management key is Keystone's own and permanent. */
export const servers = pgTable(
  'servers',
  {
    id: id<ServerId>(),
    organisationId: organisationId(),
    providerId: uuid('provider_id').$type<ProviderId>(),
    providerServerId: text('provider_server_id'),
    name: text('name').notNull(),
    /** Null until its provider has made its machine. */
    address: text('address'),
    privateAddress: text('private_address'),
    privateNetwork: text('private_network'),
    sshPort: integer('ssh_port').notNull().default(22),
    hostKey: text('host_key'),
    managementKeyPublic: text('management_key_public').notNull(),
    managementKeyPrivate: sealed('management_key_private').notNull(),
    /** Who logs in for the adoption, by key or by password; both are gone once the management key works. */
    adoptionUser: text('adoption_user').notNull().default('root'),
    adoptionKeyPrivate: sealed('adoption_key_private'),
    adoptionPassword: sealed('adoption_password'),
    architecture: text('architecture', { enum: architectures }),
    status: text('status', { enum: serverStatuses }).notNull().default('new'),
    needsConvergence: boolean('needs_convergence').notNull().default(false),
    facts: jsonb('facts').$type<Record<string, string>>().notNull().default({}),
    provisionedBy: uuid('provisioned_by').$type<OperationId>(),
    /** When old operation folders were last removed from it. */
    foldersPrunedAt: moment('folders_pruned_at').notNull().defaultNow(),
    ...timestamps,
  },
  (t) => [
    uniqueIndex('servers_name').on(t.organisationId, t.name).where(sql`${t.status} <> 'removed'`),
    uniqueIndex('servers_address').on(t.organisationId, t.address, t.sshPort).where(sql`${t.status} <> 'removed'`),
    unique('servers_in_organisation').on(t.organisationId, t.id),
    ofSameOwner('servers_provider', [t.organisationId, t.providerId], () => [providers.organisationId, providers.id]),
    label('servers_name_label', t.name),
    check('servers_one_adoption', sql`num_nonnulls(${t.adoptionKeyPrivate}, ${t.adoptionPassword}) <= 1`),
    check('servers_private_address', sql`(${t.privateAddress} is null) = (${t.privateNetwork} is null)`),
    uniqueIndex('servers_private_address_unique')
      .on(t.organisationId, t.privateNetwork, t.privateAddress)
      .where(sql`${t.status} <> 'removed'`),
    check('servers_ssh_port', sql`${t.sshPort} between 1 and 65535`),
    check(
      'servers_active_is_known',
      sql`${t.status} <> 'active' or (${t.hostKey} is not null and ${t.architecture} is not null)`,
    ),
    check('servers_active_is_somewhere', sql`${t.status} not in ('active', 'unreachable') or ${t.address} is not null`),
    oneOf('servers_status', t.status, serverStatuses),
    oneOf('servers_architecture', t.architecture, architectures),
  ],
)

/** What was ordered for a server that is bought, in the names of its provider's catalogue. */
export const machines = pgTable('machines', {
  serverId: uuid('server_id').$type<ServerId>().primaryKey().references(() => servers.id),
  location: text('location').notNull(),
  type: text('type').notNull(),
  image: text('image').notNull(),
  network: text('network'),
  /** The host key that the machine is given with its order; gone once it has one that nobody else has had. */
  givenHostKey: sealed('given_host_key'),
  ...timestamps,
})

/** Who may reach the assigned ports of a server. The revision is the fence that the server itself checks. */
export const serverFirewalls = pgTable(
  'server_firewalls',
  {
    serverId: uuid('server_id').$type<ServerId>().primaryKey().references(() => servers.id),
    revision: integer('revision').notNull(),
    /** The last revision that the server is known to have taken. */
    applied: integer('applied').notNull().default(0),
    openPorts: jsonb('open_ports').$type<readonly OpenPort[]>().notNull(),
    /** How the server listed them when it had taken the applied revision. */
    listed: text('listed'),
    ...timestamps,
  },
  (t) => [check('server_firewalls_applied', sql`${t.applied} between 0 and ${t.revision}`)],
)

/** Host keys of Git servers that a person has confirmed; the well-known ones ship with Keystone. */
export const gitHostKeys = pgTable(
  'git_host_keys',
  {
    id: id<string>(),
    organisationId: organisationId(),
    host: text('host').notNull(),
    port: integer('port').notNull(),
    key: text('key').notNull(),
    confirmedAt: moment('confirmed_at').notNull().defaultNow(),
  },
  (t) => [uniqueIndex('git_host_keys_host').on(t.organisationId, t.host, t.port)],
)
