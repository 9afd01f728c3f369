import { sql } from 'drizzle-orm'
import {
  boolean,
  check,
  index,
  integer,
  jsonb,
  pgTable,
  text,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import type {
  ApplicationId,
  ArtifactId,
  EnvironmentId,
  OperationId,
  RegistryId,
  ReleaseId,
  ServerId,
  ServiceId,
  SliceId,
  UserId,
} from '../../domain/ids.ts'
import { buildStrategies } from '../../domain/builds.ts'
import { schedulerModes } from '../../domain/scheduler.ts'
import type { Trigger } from '../../domain/operations.ts'
import { type ReleasedService, releaseStatuses } from '../../domain/releases.ts'
import { organisationId, registries, users } from './access.ts'
import { id, label, moment, ofSameOwner, oneOf, type Reference, sealed, timestamps } from './columns.ts'
import { operations } from './operations.ts'
import { servers } from './servers.ts'
import { services, serviceSlices } from './services.ts'

export const repositoryTypes = ['gitea', 'github', 'generic'] as const
export const environmentStatuses = ['new', 'active', 'removing', 'removed'] as const
export const variableSources = ['user', 'managed_attachment', 'system'] as const
export const variableChanges = ['set', 'removed'] as const
export const artifactStatuses = ['building', 'available', 'failed', 'discarded'] as const

export const applications = pgTable(
  'applications',
  {
    id: id<ApplicationId>(),
    organisationId: organisationId(),
    name: text('name').notNull(),
    repositoryUrl: text('repository_url').notNull(),
    repositoryType: text('repository_type', { enum: repositoryTypes }).notNull(),
    projectRoot: text('project_root').notNull().default('.'),
    defaultBranch: text('default_branch').notNull(),
    deployKeyPublic: text('deploy_key_public').notNull(),
    deployKeyPrivate: sealed('deploy_key_private').notNull(),
    deployKeyFingerprint: text('deploy_key_fingerprint').notNull(),
    deployKeyInstalledAt: moment('deploy_key_installed_at'),
    /** A key that is to follow, once the repository takes it. */
    nextDeployKeyPublic: text('next_deploy_key_public'),
    nextDeployKeyPrivate: sealed('next_deploy_key_private'),
    nextDeployKeyFingerprint: text('next_deploy_key_fingerprint'),
    /** What pushes are signed with; null: none is taken. */
    webhookSecret: sealed('webhook_secret'),
    /** One that is to follow: with the first delivery that is signed with it the one before is forgotten. */
    nextWebhookSecret: sealed('next_webhook_secret'),
    removedAt: moment('removed_at'),
    ...timestamps,
  },
  (t) => [
    uniqueIndex('applications_name').on(t.organisationId, t.name).where(sql`${t.removedAt} is null`),
    unique('applications_in_organisation').on(t.organisationId, t.id),
    label('applications_name_label', t.name),
    oneOf('applications_repository_type', t.repositoryType, repositoryTypes),
    check(
      'applications_next_deploy_key',
      sql`num_nulls(${t.nextDeployKeyPublic}, ${t.nextDeployKeyPrivate}, ${t.nextDeployKeyFingerprint}) in (0, 3)`,
    ),
    check('applications_next_webhook_secret', sql`${t.nextWebhookSecret} is null or ${t.webhookSecret} is not null`),
  ],
)

export const environments = pgTable(
  'environments',
  {
    id: id<EnvironmentId>(),
    organisationId: organisationId(),
    applicationId: uuid('application_id').$type<ApplicationId>().notNull(),
    name: text('name').notNull(),
    branch: text('branch').notNull(),
    status: text('status', { enum: environmentStatuses }).notNull().default('new'),
    schedulerEnabled: boolean('scheduler_enabled').notNull().default(true),
    schedulerTargetServiceId: uuid('scheduler_target_service_id').$type<ServiceId>(),
    schedulerMode: text('scheduler_mode', { enum: schedulerModes }).notNull().default('single'),
    buildConfig: jsonb('build_config').$type<Record<string, unknown>>().notNull().default({}),
    /** Base images of the build by their tag, resolved once; they change only by an explicit operation. */
    baseImageDigests: jsonb('base_image_digests').$type<Record<string, string>>().notNull().default({}),
    registryId: uuid('registry_id').$type<RegistryId>(),
    buildStrategy: text('build_strategy', { enum: buildStrategies }).notNull().default('target_server'),
    /** The service that builds, where it is a dedicated one. */
    builderServiceId: uuid('builder_service_id').$type<ServiceId>(),
    /** What is deployed from an external registry unless a deployment names another one, e.g. `ghcr.io/team/shop:stable`. */
    image: text('image'),
    currentReleaseId: uuid('current_release_id').$type<ReleaseId>(),
    /** How many releases can be gone back to, the live one among them; images of older ones are removed. */
    releaseRetention: integer('release_retention').notNull().default(5),
    /** On how many servers at once a new version is started and gets traffic; null: on all of them. */
    rolloutBatchSize: integer('rollout_batch_size'),
    /** Whether pushes to its branch are deployed. */
    deployOnPush: boolean('deploy_on_push').notNull().default(true),
    /** Tags that are deployed, `*` standing for anything; null: none. */
    deployTags: text('deploy_tags'),
    /** Files and folders of the repository whose changes are deployed; empty: the application's folder. */
    triggerPaths: text('trigger_paths').array().notNull().default(sql`'{}'`),
    /** How often the head of its branch is looked up, for pushes that nobody told of; null: never. */
    branchCheckMinutes: integer('branch_check_minutes'),
    branchCheckedAt: moment('branch_checked_at'),
    /** What the branch was at when it was looked up last. */
    branchHead: text('branch_head'),
    ...timestamps,
  },
  (t) => [
    uniqueIndex('environments_name').on(t.applicationId, t.name).where(sql`${t.status} <> 'removed'`),
    unique('environments_in_organisation').on(t.organisationId, t.id),
    ofSameOwner('environments_application', [t.organisationId, t.applicationId], () => [
      applications.organisationId,
      applications.id,
    ]),
    ofSameOwner('environments_registry', [t.organisationId, t.registryId], () => [registries.organisationId, registries.id]),
    ofSameOwner('environments_current_release', [t.id, t.currentReleaseId], (): Reference => [
      releases.environmentId,
      releases.id,
    ]),
    ofSameOwner('environments_scheduler_target', [t.id, t.schedulerTargetServiceId], (): Reference => [
      services.environmentId,
      services.id,
    ]),
    ofSameOwner('environments_builder', [t.organisationId, t.builderServiceId], (): Reference => [services.organisationId, services.id]),
    label('environments_name_label', t.name),
    check('environments_builder', sql`(${t.buildStrategy} = 'dedicated_builder') = (${t.builderServiceId} is not null)`),
    check('environments_image', sql`${t.image} is null or ${t.buildStrategy} = 'external_registry'`),
    oneOf('environments_build_strategy', t.buildStrategy, buildStrategies),
    check('environments_rollout_batch_size', sql`${t.rolloutBatchSize} > 0`),
    check('environments_branch_check_minutes', sql`${t.branchCheckMinutes} between 1 and 1440`),
    check('environments_release_retention', sql`${t.releaseRetention} between 1 and 50`),
    oneOf('environments_status', t.status, environmentStatuses),
    oneOf('environments_scheduler_mode', t.schedulerMode, schedulerModes),
  ],
)

/** One row per key and source; which of them wins is a rule of the domain, not of the table. */
export const environmentVariables = pgTable(
  'environment_variables',
  {
    id: id<string>(),
    environmentId: uuid('environment_id').$type<EnvironmentId>().notNull().references(() => environments.id),
    key: text('key').notNull(),
    value: sealed('value').notNull(),
    source: text('source', { enum: variableSources }).notNull(),
    serviceSliceId: uuid('service_slice_id').$type<SliceId>().references(() => serviceSlices.id),
    overridable: boolean('overridable').notNull().default(true),
    version: integer('version').notNull().default(1),
    ...timestamps,
  },
  (t) => [
    uniqueIndex('environment_variables_key').on(t.environmentId, t.key, t.source),
    check('environment_variables_key_name', sql`${t.key} ~ '^[A-Za-z_][A-Za-z0-9_]*$'`),
    oneOf('environment_variables_source', t.source, variableSources),
  ],
)

/** What only builds see, mounted and in no layer. An id is never used again, so that id and version stand for one value. */
export const buildSecretRows = pgTable(
  'build_secrets',
  {
    id: id<string>(),
    environmentId: uuid('environment_id').$type<EnvironmentId>().notNull().references(() => environments.id),
    key: text('key').notNull(),
    value: sealed('value').notNull(),
    version: integer('version').notNull().default(1),
    ...timestamps,
  },
  (t) => [
    uniqueIndex('build_secrets_key').on(t.environmentId, t.key),
    check('build_secrets_key_name', sql`${t.key} ~ '^[A-Za-z_][A-Za-z0-9_]*$'`),
  ],
)

/** Who changed the user's value of a variable and when; the values themselves are not kept. Versions count on when it was removed. */
export const environmentVariableChanges = pgTable(
  'environment_variable_changes',
  {
    id: id<string>(),
    environmentId: uuid('environment_id').$type<EnvironmentId>().notNull().references(() => environments.id),
    key: text('key').notNull(),
    version: integer('version').notNull(),
    change: text('change', { enum: variableChanges }).notNull(),
    userId: uuid('user_id').$type<UserId>().references(() => users.id),
    createdAt: timestamps.createdAt,
  },
  (t) => [
    uniqueIndex('environment_variable_changes_version').on(t.environmentId, t.key, t.version),
    index('environment_variable_changes_environment').on(t.environmentId, t.id),
    oneOf('environment_variable_changes_change', t.change, variableChanges),
  ],
)

/** What a build made. The key says from what; a local image has no repo digest and lives on one server. */
export const buildArtifacts = pgTable(
  'build_artifacts',
  {
    id: id<ArtifactId>(),
    environmentId: uuid('environment_id').$type<EnvironmentId>().notNull().references(() => environments.id),
    key: text('key').notNull(),
    /** Null where an image that was built elsewhere does not say. */
    commitSha: text('commit_sha'),
    /** Null where it may be for several. */
    platform: text('platform'),
    /** Its name on the server that built it; null where none did. */
    imageTag: text('image_tag'),
    imageDigest: text('image_digest'),
    digestKind: text('digest_kind', { enum: ['image_id', 'repo_digest'] }),
    serverId: uuid('server_id').$type<ServerId>().references(() => servers.id),
    registryRef: text('registry_ref'),
    builtByOperationId: uuid('built_by_operation_id').$type<OperationId>().notNull().references(() => operations.id),
    builtByServiceId: uuid('built_by_service_id').$type<ServiceId>().references(() => services.id),
    status: text('status', { enum: artifactStatuses }).notNull(),
    metadata: jsonb('metadata').$type<Record<string, unknown>>().notNull().default({}),
    ...timestamps,
  },
  (t) => [
    uniqueIndex('build_artifacts_key').on(t.environmentId, t.key).where(sql`${t.status} in ('building', 'available')`),
    unique('build_artifacts_in_environment').on(t.environmentId, t.id),
    check('build_artifacts_commit', sql`${t.commitSha} ~ '^[0-9a-f]{40}([0-9a-f]{24})?$'`),
    check(
      'build_artifacts_digest',
      sql`${t.status} <> 'available' or (${t.imageDigest} is not null and ${t.digestKind} is not null)`,
    ),
    check('build_artifacts_local', sql`${t.digestKind} is distinct from 'image_id' or ${t.serverId} is not null`),
    oneOf('build_artifacts_status', t.status, artifactStatuses),
    oneOf('build_artifacts_digest_kind', t.digestKind, ['image_id', 'repo_digest']),
  ],
)

/**
 * A version of an environment, from the moment on that its deploy or rollback is planned. A rollback is a release of its own, as
 * with Heroku: a number never comes to mean something else, and the list is the history of what was live.
 */
export const releases = pgTable(
  'releases',
  {
    id: id<ReleaseId>(),
    environmentId: uuid('environment_id').$type<EnvironmentId>().notNull().references(() => environments.id),
    number: integer('number').notNull(),
    operationId: uuid('operation_id').$type<OperationId>().notNull().unique().references(() => operations.id),
    /** Null where an image that was built elsewhere does not say. */
    commitSha: text('commit_sha'),
    /** Null until the image is known. */
    artifactId: uuid('artifact_id').$type<ArtifactId>(),
    /** The release whose image, configuration and variables a rollback brought back; never a rollback itself. */
    rolledBackToId: uuid('rolled_back_to_id').$type<ReleaseId>(),
    status: text('status', { enum: releaseStatuses }).notNull(),
    /** Every service as deployed; empty until the release is live. */
    services: jsonb('services').$type<Record<string, ReleasedService>>().notNull().default({}),
    /** Versions of user variables; managed and system values are never pinned. */
    variableVersions: jsonb('variable_versions').$type<Record<string, number>>().notNull(),
    /** The user variables themselves, as one JSON object; null once the release is pruned. */
    variables: sealed('variables'),
    trigger: jsonb('trigger').$type<Trigger>().notNull(),
    /** It is older than the releases that are kept: nobody can go back to it. */
    prunedAt: moment('pruned_at'),
    ...timestamps,
  },
  (t) => [
    uniqueIndex('releases_number').on(t.environmentId, t.number),
    uniqueIndex('releases_one_successful').on(t.environmentId).where(sql`${t.status} = 'successful'`),
    unique('releases_in_environment').on(t.environmentId, t.id),
    ofSameOwner('releases_artifact', [t.environmentId, t.artifactId], () => [buildArtifacts.environmentId, buildArtifacts.id]),
    ofSameOwner('releases_rolled_back_to', [t.environmentId, t.rolledBackToId], () => [t.environmentId, t.id]),
    index('releases_artifact').on(t.artifactId),
    check('releases_commit', sql`${t.commitSha} ~ '^[0-9a-f]{40}([0-9a-f]{24})?$'`),
    check('releases_has_artifact', sql`${t.status} in ('preparing', 'failed') or ${t.artifactId} is not null`),
    check('releases_live_is_kept', sql`${t.prunedAt} is null or ${t.status} <> 'successful'`),
    oneOf('releases_status', t.status, releaseStatuses),
  ],
)
