import { sql } from 'drizzle-orm'
import {
  type AnyPgColumn,
  bigint,
  boolean,
  check,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import {
  attachmentRoles,
  deployPolicies,
  driverNames,
  processRoles,
  serviceCategories,
  sliceTypes,
  trafficStates,
} from '../../domain/services.ts'
import type { AttachmentId, EnvironmentId, OperationId, ReplicaId, ServerId, ServiceId, SliceId, VolumeId } from '../../domain/ids.ts'
import type { OwnLimits } from '../../domain/limits.ts'
import type { Footprint } from '../../domain/observations.ts'
import { organisationId } from './access.ts'
import { environments } from './applications.ts'
import { id, label, moment, ofSameOwner, oneOf, type Reference, sealed, timestamps } from './columns.ts'
import { operations } from './operations.ts'
import { servers } from './servers.ts'

export const serviceStatuses = ['new', 'deploying', 'running', 'stopped', 'failed', 'removing', 'removed'] as const
export const updateStatuses = ['unknown', 'current', 'available'] as const
export const replicaStatuses = ['starting', 'running', 'stopping', 'stopped', 'failed', 'removed'] as const
export const healthStatuses = ['unknown', 'healthy', 'unhealthy'] as const
export const sliceStatuses = ['new', 'ready', 'failed', 'removing', 'removed'] as const
export const endpointScopes = ['docker_network', 'private_network', 'public'] as const

const service = (name: string) => uuid(name).$type<ServiceId>()

export const services = pgTable(
  'services',
  {
    id: id<ServiceId>(),
    organisationId: organisationId(),
    environmentId: uuid('environment_id').$type<EnvironmentId>(),
    name: text('name').notNull(),
    category: text('category', { enum: serviceCategories }).notNull(),
    type: text('type').notNull(),
    versionTrack: text('version_track').notNull(),
    driverName: text('driver_name', { enum: driverNames }).notNull(),
    status: text('status', { enum: serviceStatuses }).notNull().default('new'),
    desiredReplicas: integer('desired_replicas').notNull().default(1),
    desiredRevision: integer('desired_revision').notNull().default(1),
    deployPolicy: text('deploy_policy', { enum: deployPolicies }).notNull(),
    processRoles: jsonb('process_roles').$type<string[]>().notNull(),
    currentImageDigest: text('current_image_digest'),
    availableImageDigest: text('available_image_digest'),
    updateStatus: text('update_status', { enum: updateStatuses }).notNull().default('unknown'),
    defaultCpuLimit: doublePrecision('default_cpu_limit'),
    defaultMemoryLimitMb: integer('default_memory_limit_mb'),
    config: jsonb('config').$type<Record<string, unknown>>().notNull().default({}),
    /** Servers that share no private network with it may reach it over the internet. */
    allowPublic: boolean('allow_public').notNull().default(false),
    /** The service's own administrative credentials, e.g. the superuser of Postgres. */
    adminCredentials: sealed('admin_credentials'),
    /** Set for gateways only, and unique: exactly one gateway per server (specification section 15). */
    gatewayServerId: uuid('gateway_server_id').$type<ServerId>(),
    ...timestamps,
  },
  (t) => [
    uniqueIndex('services_name_in_environment').on(t.environmentId, t.name).where(sql`${t.status} <> 'removed'`),
    uniqueIndex('services_name_standalone')
      .on(t.organisationId, t.name)
      .where(sql`${t.environmentId} is null and ${t.status} <> 'removed'`),
    uniqueIndex('services_one_gateway').on(t.gatewayServerId).where(sql`${t.status} <> 'removed'`),
    unique('services_in_environment').on(t.environmentId, t.id),
    unique('services_in_organisation').on(t.organisationId, t.id),
    ofSameOwner('services_environment', [t.organisationId, t.environmentId], (): Reference => [
      environments.organisationId,
      environments.id,
    ]),
    ofSameOwner('services_gateway_server', [t.organisationId, t.gatewayServerId], () => [servers.organisationId, servers.id]),
    check('services_gateway', sql`(${t.category} = 'gateway') = (${t.gatewayServerId} is not null)`),
    check('services_replicas', sql`${t.desiredReplicas} between 0 and 200`),
    check('services_cpu', sql`${t.defaultCpuLimit} > 0`),
    check('services_memory', sql`${t.defaultMemoryLimitMb} >= 6`),
    label('services_name_label', t.name),
    oneOf('services_category', t.category, serviceCategories),
    oneOf('services_driver', t.driverName, driverNames),
    oneOf('services_status', t.status, serviceStatuses),
    oneOf('services_deploy_policy', t.deployPolicy, deployPolicies),
    oneOf('services_update_status', t.updateStatus, updateStatuses),
  ],
)

/** Where replicas should be; `service_replicas` says where they are. */
export const servicePlacements = pgTable(
  'service_placements',
  {
    serviceId: service('service_id').notNull().references(() => services.id),
    serverId: uuid('server_id').$type<ServerId>().notNull().references(() => servers.id),
    count: integer('count').notNull().default(1),
    /** What its replicas have instead of the service's limits. */
    limits: jsonb('limits').$type<OwnLimits>().notNull().default({}),
  },
  (t) => [primaryKey({ columns: [t.serviceId, t.serverId] }), check('service_placements_count', sql`${t.count} > 0`)],
)

export const serviceReplicas = pgTable(
  'service_replicas',
  {
    id: id<ReplicaId>(),
    serviceId: service('service_id').notNull().references(() => services.id),
    serverId: uuid('server_id').$type<ServerId>().notNull().references(() => servers.id),
    /** The operation that made it, at the root of its tree; what is not committed yet belongs to it. */
    operationId: uuid('operation_id').$type<OperationId>().references(() => operations.id),
    role: text('role', { enum: processRoles }).notNull(),
    containerName: text('container_name').notNull(),
    containerId: text('container_id'),
    imageDigest: text('image_digest').notNull(),
    internalHost: text('internal_host').notNull(),
    internalPort: integer('internal_port').notNull(),
    publicPort: integer('public_port'),
    /** Assigned port on the private address, for consumers on other servers. */
    hostPort: integer('host_port'),
    status: text('status', { enum: replicaStatuses }).notNull(),
    healthStatus: text('health_status', { enum: healthStatuses }).notNull().default('unknown'),
    traffic: text('traffic', { enum: trafficStates }).notNull().default('none'),
    /** Its scheduler is in charge: it ticks each minute. */
    ticks: boolean('ticks').notNull().default(false),
    /** Limits that it was planned with; null: none. */
    cpuLimit: doublePrecision('cpu_limit'),
    memoryLimitMb: integer('memory_limit_mb'),
    /** Limits that its container really has, as Docker tells them. */
    runningCpuLimit: doublePrecision('running_cpu_limit'),
    runningMemoryLimitMb: integer('running_memory_limit_mb'),
    /** Hash of everything it was rendered from: whether it would come out the same today. */
    configHash: text('config_hash').notNull(),
    config: jsonb('config').$type<Record<string, unknown>>().notNull().default({}),
    /** What it was given on its server. */
    footprint: jsonb('footprint').$type<Footprint>().notNull().default({ files: {}, containers: [] }),
    /** How its container was seen last, whatever it should be; null where it was gone, or was never looked at. */
    observedStatus: text('observed_status'),
    observedContainerId: text('observed_container_id'),
    observedAt: moment('observed_at'),
    /** What it has on its server is not what it was given: its next deployment starts it anew. */
    isAltered: boolean('is_altered').notNull().default(false),
    ...timestamps,
  },
  (t) => [
    uniqueIndex('service_replicas_container_name').on(t.serverId, t.containerName).where(sql`${t.status} <> 'removed'`),
    uniqueIndex('service_replicas_host_port').on(t.serverId, t.hostPort).where(sql`${t.status} <> 'removed'`),
    index('service_replicas_service').on(t.serviceId).where(sql`${t.status} <> 'removed'`),
    index('service_replicas_operation').on(t.operationId),
    check('service_replicas_traffic_needs_container', sql`${t.traffic} = 'none' or ${t.status} in ('running', 'stopping')`),
    check('service_replicas_ticks_with_container', sql`not ${t.ticks} or ${t.status} in ('running', 'stopping')`),
    check(
      'service_replicas_ports',
      sql`${t.internalPort} between 1 and 65535 and (${t.hostPort} is null or ${t.hostPort} between 1 and 65535)`,
    ),
    oneOf('service_replicas_role', t.role, processRoles),
    oneOf('service_replicas_status', t.status, replicaStatuses),
    oneOf('service_replicas_health', t.healthStatus, healthStatuses),
    oneOf('service_replicas_traffic', t.traffic, trafficStates),
  ],
)

export const serviceSlices = pgTable(
  'service_slices',
  {
    id: id<SliceId>(),
    serviceId: service('service_id').notNull().references(() => services.id),
    environmentId: uuid('environment_id').$type<EnvironmentId>().references((): AnyPgColumn => environments.id),
    name: text('name').notNull(),
    type: text('type', { enum: sliceTypes }).notNull(),
    status: text('status', { enum: sliceStatuses }).notNull().default('new'),
    config: jsonb('config').$type<Record<string, unknown>>().notNull(),
    credentials: sealed('credentials'),
    /** Routes: the domain they answer for; null answers for the server's address itself. */
    domain: text('domain'),
    /** Routes: the section of the Caddyfile as it was applied last; kept when a newer one does not validate. */
    appliedText: text('applied_text'),
    ...timestamps,
  },
  (t) => [
    uniqueIndex('service_slices_name').on(t.serviceId, t.name).where(sql`${t.status} <> 'removed'`),
    uniqueIndex('service_slices_domain')
      .on(t.serviceId, sql`lower(${t.domain})`)
      .where(sql`${t.type} = 'route' and ${t.status} <> 'removed'`),
    unique('service_slices_in_service').on(t.serviceId, t.id),
    check('service_slices_route', sql`${t.type} <> 'route' or (${t.domain} is not null and ${t.environmentId} is not null)`),
    oneOf('service_slices_type', t.type, sliceTypes),
    oneOf('service_slices_status', t.status, sliceStatuses),
  ],
)

export const rotationStages = ['admitting', 'retiring'] as const

/**
 * A rotation that is under way: other credentials are valid beside those of the slice. `admitting`: the next ones, which nobody uses
 * yet; `retiring`: the ones before, which environments may still use.
 */
export const credentialRotations = pgTable(
  'credential_rotations',
  {
    sliceId: uuid('slice_id').$type<SliceId>().primaryKey().references(() => serviceSlices.id),
    operationId: uuid('operation_id').$type<OperationId>().notNull().references(() => operations.id),
    stage: text('stage', { enum: rotationStages }).notNull(),
    credentials: sealed('credentials').notNull(),
    ...timestamps,
  },
  (t) => [oneOf('credential_rotations_stage', t.stage, rotationStages)],
)

export const environmentAttachments = pgTable(
  'environment_attachments',
  {
    id: id<AttachmentId>(),
    environmentId: uuid('environment_id').$type<EnvironmentId>().notNull().references((): AnyPgColumn => environments.id),
    serviceId: service('service_id').notNull().references(() => services.id),
    serviceSliceId: uuid('service_slice_id').$type<SliceId>(),
    role: text('role', { enum: attachmentRoles }).notNull(),
    envPrefix: text('env_prefix'),
    isPrimary: boolean('is_primary').notNull().default(true),
    ...timestamps,
  },
  (t) => [
    uniqueIndex('environment_attachments_slice').on(t.environmentId, t.serviceSliceId, t.role),
    uniqueIndex('environment_attachments_primary')
      .on(t.environmentId, t.role)
      .where(sql`${t.isPrimary} and ${t.role} <> 'gateway'`),
    ofSameOwner('environment_attachments_slice', [t.serviceId, t.serviceSliceId], () => [
      serviceSlices.serviceId,
      serviceSlices.id,
    ]),
    check('environment_attachments_prefix', sql`${t.envPrefix} ~ '^[A-Z][A-Z0-9_]*$'`),
    oneOf('environment_attachments_role', t.role, attachmentRoles),
  ],
)

/**
 * Slices that were detached from environments that ran: their containers have the variables until the next version has taken their
 * place, and may use them until then.
 */
export const detachments = pgTable(
  'detachments',
  {
    environmentId: uuid('environment_id').$type<EnvironmentId>().notNull().references((): AnyPgColumn => environments.id),
    serviceId: service('service_id').notNull().references(() => services.id),
    serviceSliceId: uuid('service_slice_id').$type<SliceId>().notNull(),
    /** The next version has taken their place. */
    isOver: boolean('is_over').notNull().default(false),
    createdAt: timestamps.createdAt,
  },
  (t) => [
    primaryKey({ columns: [t.environmentId, t.serviceSliceId] }),
    ofSameOwner('detachments_slice', [t.serviceId, t.serviceSliceId], () => [serviceSlices.serviceId, serviceSlices.id]),
  ],
)

/**
 * Volumes that a removed service or environment has left on servers: data never goes as a side effect. They are there until they are
 * deleted by name.
 */
export const keptVolumes = pgTable(
  'kept_volumes',
  {
    id: id<VolumeId>(),
    organisationId: organisationId(),
    serverId: uuid('server_id').$type<ServerId>().notNull().references(() => servers.id),
    name: text('name').notNull(),
    /** Null where Docker did not tell in time. */
    sizeBytes: bigint('size_bytes', { mode: 'number' }),
    serviceId: service('service_id').references(() => services.id),
    environmentId: uuid('environment_id').$type<EnvironmentId>().references((): AnyPgColumn => environments.id),
    /** What it was of, for people, e.g. `production of shop`. */
    origin: text('origin').notNull(),
    /** Names of the slices that are in it. */
    slices: jsonb('slices').$type<string[]>().notNull().default([]),
    removedAt: moment('removed_at'),
    ...timestamps,
  },
  (t) => [
    uniqueIndex('kept_volumes_name').on(t.serverId, t.name).where(sql`${t.removedAt} is null`),
    ofSameOwner('kept_volumes_server', [t.organisationId, t.serverId], () => [servers.organisationId, servers.id]),
    check('kept_volumes_origin', sql`(${t.serviceId} is null) <> (${t.environmentId} is null)`),
  ],
)

/** Where a service can be reached and how near that is (specification section 14); the lowest priority that fits wins. */
export const serviceEndpoints = pgTable(
  'service_endpoints',
  {
    id: id<string>(),
    serviceId: service('service_id').notNull().references(() => services.id),
    serviceReplicaId: uuid('service_replica_id').$type<ReplicaId>().references(() => serviceReplicas.id),
    scope: text('scope', { enum: endpointScopes }).notNull(),
    hostname: text('hostname').notNull(),
    ipAddress: text('ip_address'),
    port: integer('port').notNull(),
    priority: integer('priority').notNull(),
    healthStatus: text('health_status', { enum: healthStatuses }).notNull().default('unknown'),
    ...timestamps,
  },
  (t) => [
    uniqueIndex('service_endpoints_where').on(t.serviceId, t.scope, t.hostname, t.port),
    oneOf('service_endpoints_scope', t.scope, endpointScopes),
    oneOf('service_endpoints_health', t.healthStatus, healthStatuses),
  ],
)

/** The queue of a builder: builds that wait for it or are at it, in the order in which they came. */
export const builds = pgTable(
  'builds',
  {
    operationId: uuid('operation_id').$type<OperationId>().primaryKey().references(() => operations.id),
    builderServiceId: service('builder_service_id').notNull().references(() => services.id),
    sequence: bigint('sequence', { mode: 'number' }).generatedAlwaysAsIdentity(),
    createdAt: timestamps.createdAt,
  },
  (t) => [index('builds_queue').on(t.builderServiceId, t.sequence)],
)

/** Every text a gateway was ever to run. The revision is the fence that the server itself checks. */
export const gatewayRevisions = pgTable(
  'gateway_revisions',
  {
    gatewayId: service('gateway_id').notNull().references(() => services.id),
    revision: integer('revision').notNull(),
    text: text('text').notNull(),
    operationId: uuid('operation_id').$type<OperationId>().notNull().references(() => operations.id),
    /** Which of an operation's changes it is: a repeated activity finds its revision again instead of taking another. */
    phase: text('phase').notNull(),
    /** Hashes of the operation's own sections by slice: it is content when these are in the running configuration. */
    ownSections: jsonb('own_sections').$type<Record<string, { hash: string; text: string }>>().notNull(),
    createdAt: timestamps.createdAt,
  },
  (t) => [
    primaryKey({ columns: [t.gatewayId, t.revision] }),
    uniqueIndex('gateway_revisions_phase').on(t.gatewayId, t.operationId, t.phase),
    check('gateway_revisions_revision', sql`${t.revision} > 0`),
  ],
)
