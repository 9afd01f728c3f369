CREATE TABLE "api_tokens" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"organisation_id" uuid,
	"user_id" uuid NOT NULL,
	"name" text NOT NULL,
	"prefix" text NOT NULL,
	"hash" text NOT NULL,
	"scopes" text[],
	"expires_at" timestamp with time zone,
	"last_used_at" timestamp with time zone,
	"revoked_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "api_tokens_hash_unique" UNIQUE("hash")
);
--> statement-breakpoint
CREATE TABLE "audit_events" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"organisation_id" uuid NOT NULL,
	"user_id" uuid,
	"token_id" uuid,
	"action" text NOT NULL,
	"target_type" text NOT NULL,
	"target_id" uuid NOT NULL,
	"details" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "idempotency_keys" (
	"organisation_id" uuid NOT NULL,
	"key" text NOT NULL,
	"request_hash" text NOT NULL,
	"status" smallint NOT NULL,
	"body" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idempotency_keys_organisation_id_key_pk" PRIMARY KEY("organisation_id","key")
);
--> statement-breakpoint
CREATE TABLE "memberships" (
	"organisation_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"role" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "memberships_organisation_id_user_id_pk" PRIMARY KEY("organisation_id","user_id"),
	CONSTRAINT "memberships_role" CHECK ("memberships"."role" in ('owner', 'admin', 'deployer', 'viewer'))
);
--> statement-breakpoint
CREATE TABLE "organisations" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"name" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "registries" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"organisation_id" uuid NOT NULL,
	"name" text NOT NULL,
	"type" text NOT NULL,
	"url" text NOT NULL,
	"namespace" text,
	"username" text,
	"password" text,
	"insecure" text DEFAULT 'no' NOT NULL,
	"verified_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "registries_type" CHECK ("registries"."type" in ('generic', 'gitea', 'ghcr', 'docker_hub')),
	CONSTRAINT "registries_insecure" CHECK ("registries"."insecure" in ('no', 'plain_http'))
);
--> statement-breakpoint
CREATE TABLE "users" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"email" text NOT NULL,
	"name" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "git_host_keys" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"organisation_id" uuid NOT NULL,
	"host" text NOT NULL,
	"port" integer NOT NULL,
	"key" text NOT NULL,
	"confirmed_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "providers" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"organisation_id" uuid NOT NULL,
	"name" text NOT NULL,
	"type" text NOT NULL,
	"token" text NOT NULL,
	"verified_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "providers_type" CHECK ("providers"."type" in ('hetzner'))
);
--> statement-breakpoint
CREATE TABLE "servers" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"organisation_id" uuid NOT NULL,
	"provider_id" uuid,
	"provider_server_id" text,
	"name" text NOT NULL,
	"address" text NOT NULL,
	"private_address" text,
	"private_network" text,
	"ssh_port" integer DEFAULT 22 NOT NULL,
	"host_key" text,
	"management_key_public" text NOT NULL,
	"management_key_private" text NOT NULL,
	"adoption_key_private" text,
	"architecture" text,
	"status" text DEFAULT 'new' NOT NULL,
	"needs_convergence" boolean DEFAULT false NOT NULL,
	"facts" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"provisioned_by" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "servers_name_label" CHECK ("servers"."name" ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
	CONSTRAINT "servers_ssh_port" CHECK ("servers"."ssh_port" between 1 and 65535),
	CONSTRAINT "servers_active_is_known" CHECK ("servers"."status" <> 'active' or ("servers"."host_key" is not null and "servers"."architecture" is not null)),
	CONSTRAINT "servers_status" CHECK ("servers"."status" in ('new', 'provisioning', 'active', 'failed', 'unreachable', 'removed')),
	CONSTRAINT "servers_architecture" CHECK ("servers"."architecture" in ('amd64', 'arm64'))
);
--> statement-breakpoint
CREATE TABLE "operation_locks" (
	"operation_id" uuid NOT NULL,
	"key" text NOT NULL,
	"mode" text NOT NULL,
	CONSTRAINT "operation_locks_operation_id_key_pk" PRIMARY KEY("operation_id","key"),
	CONSTRAINT "operation_locks_mode" CHECK ("operation_locks"."mode" in ('shared', 'exclusive'))
);
--> statement-breakpoint
CREATE TABLE "operation_log_chunks" (
	"step_id" uuid NOT NULL,
	"run" integer NOT NULL,
	"stream" text NOT NULL,
	"raw_offset" bigint NOT NULL,
	"raw_length" integer NOT NULL,
	"bytes" "bytea" NOT NULL,
	"sequence" bigint GENERATED ALWAYS AS IDENTITY (sequence name "operation_log_chunks_sequence_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "operation_log_chunks_step_id_run_stream_raw_offset_pk" PRIMARY KEY("step_id","run","stream","raw_offset"),
	CONSTRAINT "operation_log_chunks_range" CHECK ("operation_log_chunks"."raw_offset" >= 0 and "operation_log_chunks"."raw_length" > 0),
	CONSTRAINT "operation_log_chunks_stream" CHECK ("operation_log_chunks"."stream" in ('out', 'err'))
);
--> statement-breakpoint
CREATE TABLE "operation_steps" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"operation_id" uuid NOT NULL,
	"order" integer NOT NULL,
	"name" text NOT NULL,
	"server_id" uuid,
	"status" text NOT NULL,
	"script" text NOT NULL,
	"secrets" text,
	"user" text DEFAULT 'keystone' NOT NULL,
	"run" integer DEFAULT 1 NOT NULL,
	"exit_code" integer,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"finished_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "operation_steps_status" CHECK ("operation_steps"."status" in ('running', 'succeeded', 'failed', 'cancelled')),
	CONSTRAINT "operation_steps_user" CHECK ("operation_steps"."user" in ('keystone', 'root'))
);
--> statement-breakpoint
CREATE TABLE "operations" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"organisation_id" uuid NOT NULL,
	"parent_id" uuid,
	"root_id" uuid NOT NULL,
	"hash" text NOT NULL,
	"kind" text NOT NULL,
	"target_type" text NOT NULL,
	"target_id" uuid NOT NULL,
	"status" text NOT NULL,
	"sequence" bigint GENERATED ALWAYS AS IDENTITY (sequence name "operations_sequence_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"retry_of" uuid,
	"summary" text NOT NULL,
	"trigger" jsonb NOT NULL,
	"input" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"plan" jsonb,
	"outcome" text,
	"warnings" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"failure" jsonb,
	"workflow_run_id" text,
	"dispatched_at" timestamp with time zone,
	"committed_at" timestamp with time zone,
	"cancel_requested_at" timestamp with time zone,
	"cancel_delivered_at" timestamp with time zone,
	"started_at" timestamp with time zone,
	"finished_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "operations_hash_unique" UNIQUE("hash"),
	CONSTRAINT "operations_hash" CHECK ("operations"."hash" ~ '^[0-9a-f]{12}$'),
	CONSTRAINT "operations_finished" CHECK (("operations"."status" in ('succeeded', 'failed', 'cancelled', 'superseded')) = ("operations"."finished_at" is not null)),
	CONSTRAINT "operations_failed_says_why" CHECK ("operations"."status" <> 'failed' or "operations"."failure" is not null),
	CONSTRAINT "operations_kind" CHECK ("operations"."kind" in ('server_provision', 'service_deploy', 'replica_deploy', 'slice_provision', 'slice_configure', 'environment_deploy', 'gateway_cutover', 'config_change', 'credential_rotation', 'migration_run', 'environment_rollback', 'environment_remove', 'service_remove', 'server_remove', 'operation_recover')),
	CONSTRAINT "operations_status" CHECK ("operations"."status" in ('queued', 'pending', 'running', 'recovering', 'succeeded', 'failed', 'cancelled', 'superseded')),
	CONSTRAINT "operations_target_type" CHECK ("operations"."target_type" in ('server', 'service', 'replica', 'slice', 'environment', 'operation'))
);
--> statement-breakpoint
CREATE TABLE "environment_attachments" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"environment_id" uuid NOT NULL,
	"service_id" uuid NOT NULL,
	"service_slice_id" uuid,
	"role" text NOT NULL,
	"env_prefix" text,
	"is_primary" boolean DEFAULT true NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "environment_attachments_prefix" CHECK ("environment_attachments"."env_prefix" ~ '^[A-Z][A-Z0-9_]*$'),
	CONSTRAINT "environment_attachments_role" CHECK ("environment_attachments"."role" in ('database', 'cache', 'queue', 'storage', 'gateway', 'custom'))
);
--> statement-breakpoint
CREATE TABLE "gateway_revisions" (
	"gateway_id" uuid NOT NULL,
	"revision" integer NOT NULL,
	"text" text NOT NULL,
	"operation_id" uuid NOT NULL,
	"phase" text NOT NULL,
	"own_sections" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "gateway_revisions_gateway_id_revision_pk" PRIMARY KEY("gateway_id","revision"),
	CONSTRAINT "gateway_revisions_revision" CHECK ("gateway_revisions"."revision" > 0)
);
--> statement-breakpoint
CREATE TABLE "service_endpoints" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"service_id" uuid NOT NULL,
	"service_replica_id" uuid,
	"scope" text NOT NULL,
	"hostname" text NOT NULL,
	"ip_address" text,
	"port" integer NOT NULL,
	"priority" integer NOT NULL,
	"health_status" text DEFAULT 'unknown' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "service_endpoints_scope" CHECK ("service_endpoints"."scope" in ('docker_network', 'private_network', 'public')),
	CONSTRAINT "service_endpoints_health" CHECK ("service_endpoints"."health_status" in ('unknown', 'healthy', 'unhealthy'))
);
--> statement-breakpoint
CREATE TABLE "service_placements" (
	"service_id" uuid NOT NULL,
	"server_id" uuid NOT NULL,
	"count" integer DEFAULT 1 NOT NULL,
	CONSTRAINT "service_placements_service_id_server_id_pk" PRIMARY KEY("service_id","server_id"),
	CONSTRAINT "service_placements_count" CHECK ("service_placements"."count" > 0)
);
--> statement-breakpoint
CREATE TABLE "service_replicas" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"service_id" uuid NOT NULL,
	"server_id" uuid NOT NULL,
	"operation_id" uuid,
	"role" text NOT NULL,
	"container_name" text NOT NULL,
	"container_id" text,
	"image_digest" text NOT NULL,
	"internal_host" text NOT NULL,
	"internal_port" integer NOT NULL,
	"public_port" integer,
	"host_port" integer,
	"status" text NOT NULL,
	"health_status" text DEFAULT 'unknown' NOT NULL,
	"traffic" text DEFAULT 'none' NOT NULL,
	"cpu_limit" double precision,
	"memory_limit_mb" integer,
	"config_hash" text NOT NULL,
	"config" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "service_replicas_traffic_needs_container" CHECK ("service_replicas"."traffic" = 'none' or "service_replicas"."status" in ('running', 'stopping')),
	CONSTRAINT "service_replicas_ports" CHECK ("service_replicas"."internal_port" between 1 and 65535 and ("service_replicas"."host_port" is null or "service_replicas"."host_port" between 1 and 65535)),
	CONSTRAINT "service_replicas_role" CHECK ("service_replicas"."role" in ('web', 'worker', 'websocket', 'server')),
	CONSTRAINT "service_replicas_status" CHECK ("service_replicas"."status" in ('starting', 'running', 'stopping', 'stopped', 'failed', 'removed')),
	CONSTRAINT "service_replicas_health" CHECK ("service_replicas"."health_status" in ('unknown', 'healthy', 'unhealthy')),
	CONSTRAINT "service_replicas_traffic" CHECK ("service_replicas"."traffic" in ('none', 'serving', 'draining'))
);
--> statement-breakpoint
CREATE TABLE "service_slices" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"service_id" uuid NOT NULL,
	"environment_id" uuid,
	"name" text NOT NULL,
	"type" text NOT NULL,
	"status" text DEFAULT 'new' NOT NULL,
	"config" jsonb NOT NULL,
	"credentials" text,
	"domain" text,
	"applied_text" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "service_slices_route" CHECK ("service_slices"."type" <> 'route' or ("service_slices"."domain" is not null and "service_slices"."environment_id" is not null)),
	CONSTRAINT "service_slices_type" CHECK ("service_slices"."type" in ('database', 'keyspace', 'route')),
	CONSTRAINT "service_slices_status" CHECK ("service_slices"."status" in ('new', 'ready', 'failed', 'removing', 'removed'))
);
--> statement-breakpoint
CREATE TABLE "services" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"organisation_id" uuid NOT NULL,
	"environment_id" uuid,
	"name" text NOT NULL,
	"category" text NOT NULL,
	"type" text NOT NULL,
	"version_track" text NOT NULL,
	"driver_name" text NOT NULL,
	"status" text DEFAULT 'new' NOT NULL,
	"desired_replicas" integer DEFAULT 1 NOT NULL,
	"desired_revision" integer DEFAULT 1 NOT NULL,
	"deploy_policy" text NOT NULL,
	"process_roles" jsonb NOT NULL,
	"current_image_digest" text,
	"available_image_digest" text,
	"update_status" text DEFAULT 'unknown' NOT NULL,
	"default_cpu_limit" double precision,
	"default_memory_limit_mb" integer,
	"config" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"admin_credentials" text,
	"gateway_server_id" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "services_gateway" CHECK (("services"."category" = 'gateway') = ("services"."gateway_server_id" is not null)),
	CONSTRAINT "services_replicas" CHECK ("services"."desired_replicas" between 0 and 200),
	CONSTRAINT "services_cpu" CHECK ("services"."default_cpu_limit" > 0),
	CONSTRAINT "services_memory" CHECK ("services"."default_memory_limit_mb" >= 6),
	CONSTRAINT "services_name_label" CHECK ("services"."name" ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
	CONSTRAINT "services_category" CHECK ("services"."category" in ('application', 'database', 'cache', 'gateway', 'builder', 'storage')),
	CONSTRAINT "services_driver" CHECK ("services"."driver_name" in ('laravel', 'postgres', 'valkey', 'caddy')),
	CONSTRAINT "services_status" CHECK ("services"."status" in ('new', 'deploying', 'running', 'stopped', 'failed', 'removing', 'removed')),
	CONSTRAINT "services_deploy_policy" CHECK ("services"."deploy_policy" in ('with_environment', 'dependency_only', 'manual_or_on_route_change', 'manual')),
	CONSTRAINT "services_update_status" CHECK ("services"."update_status" in ('unknown', 'current', 'available'))
);
--> statement-breakpoint
CREATE TABLE "applications" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"organisation_id" uuid NOT NULL,
	"name" text NOT NULL,
	"repository_url" text NOT NULL,
	"repository_type" text NOT NULL,
	"project_root" text DEFAULT '.' NOT NULL,
	"default_branch" text NOT NULL,
	"deploy_key_public" text NOT NULL,
	"deploy_key_private" text NOT NULL,
	"deploy_key_fingerprint" text NOT NULL,
	"deploy_key_installed_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "applications_name_label" CHECK ("applications"."name" ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
	CONSTRAINT "applications_repository_type" CHECK ("applications"."repository_type" in ('gitea', 'github', 'generic'))
);
--> statement-breakpoint
CREATE TABLE "build_artifacts" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"environment_id" uuid NOT NULL,
	"key" text NOT NULL,
	"commit_sha" text NOT NULL,
	"platform" text NOT NULL,
	"image_tag" text NOT NULL,
	"image_digest" text,
	"digest_kind" text,
	"server_id" uuid,
	"registry_ref" text,
	"built_by_operation_id" uuid NOT NULL,
	"built_by_service_id" uuid,
	"status" text NOT NULL,
	"metadata" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "build_artifacts_commit" CHECK ("build_artifacts"."commit_sha" ~ '^[0-9a-f]{40}([0-9a-f]{24})?$'),
	CONSTRAINT "build_artifacts_digest" CHECK ("build_artifacts"."status" <> 'available' or ("build_artifacts"."image_digest" is not null and "build_artifacts"."digest_kind" is not null)),
	CONSTRAINT "build_artifacts_local" CHECK ("build_artifacts"."digest_kind" is distinct from 'image_id' or "build_artifacts"."server_id" is not null),
	CONSTRAINT "build_artifacts_status" CHECK ("build_artifacts"."status" in ('building', 'available', 'failed', 'discarded')),
	CONSTRAINT "build_artifacts_digest_kind" CHECK ("build_artifacts"."digest_kind" in ('image_id', 'repo_digest'))
);
--> statement-breakpoint
CREATE TABLE "environment_variables" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"environment_id" uuid NOT NULL,
	"key" text NOT NULL,
	"value" text NOT NULL,
	"source" text NOT NULL,
	"service_slice_id" uuid,
	"overridable" boolean DEFAULT true NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "environment_variables_key_name" CHECK ("environment_variables"."key" ~ '^[A-Za-z_][A-Za-z0-9_]*$'),
	CONSTRAINT "environment_variables_source" CHECK ("environment_variables"."source" in ('user', 'managed_attachment', 'system'))
);
--> statement-breakpoint
CREATE TABLE "environments" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"organisation_id" uuid NOT NULL,
	"application_id" uuid NOT NULL,
	"name" text NOT NULL,
	"branch" text NOT NULL,
	"status" text DEFAULT 'new' NOT NULL,
	"scheduler_enabled" boolean DEFAULT true NOT NULL,
	"scheduler_target_service_id" uuid,
	"scheduler_mode" text DEFAULT 'single' NOT NULL,
	"scheduler_replica_id" uuid,
	"build_config" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"base_image_digests" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"registry_id" uuid,
	"current_release_id" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "environments_name_label" CHECK ("environments"."name" ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
	CONSTRAINT "environments_status" CHECK ("environments"."status" in ('new', 'active', 'removing', 'removed')),
	CONSTRAINT "environments_scheduler_mode" CHECK ("environments"."scheduler_mode" in ('single', 'every_replica'))
);
--> statement-breakpoint
CREATE TABLE "releases" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"environment_id" uuid NOT NULL,
	"number" integer NOT NULL,
	"operation_id" uuid NOT NULL,
	"artifact_id" uuid NOT NULL,
	"status" text NOT NULL,
	"services" jsonb NOT NULL,
	"variable_versions" jsonb NOT NULL,
	"trigger" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "releases_operation_id_unique" UNIQUE("operation_id"),
	CONSTRAINT "releases_status" CHECK ("releases"."status" in ('preparing', 'in_progress', 'successful', 'failed', 'obsolete', 'downgraded'))
);
--> statement-breakpoint
ALTER TABLE "api_tokens" ADD CONSTRAINT "api_tokens_organisation_id_organisations_id_fk" FOREIGN KEY ("organisation_id") REFERENCES "public"."organisations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "api_tokens" ADD CONSTRAINT "api_tokens_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "audit_events" ADD CONSTRAINT "audit_events_organisation_id_organisations_id_fk" FOREIGN KEY ("organisation_id") REFERENCES "public"."organisations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "audit_events" ADD CONSTRAINT "audit_events_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "audit_events" ADD CONSTRAINT "audit_events_token_id_api_tokens_id_fk" FOREIGN KEY ("token_id") REFERENCES "public"."api_tokens"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "idempotency_keys" ADD CONSTRAINT "idempotency_keys_organisation_id_organisations_id_fk" FOREIGN KEY ("organisation_id") REFERENCES "public"."organisations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_organisation_id_organisations_id_fk" FOREIGN KEY ("organisation_id") REFERENCES "public"."organisations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "registries" ADD CONSTRAINT "registries_organisation_id_organisations_id_fk" FOREIGN KEY ("organisation_id") REFERENCES "public"."organisations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "git_host_keys" ADD CONSTRAINT "git_host_keys_organisation_id_organisations_id_fk" FOREIGN KEY ("organisation_id") REFERENCES "public"."organisations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "providers" ADD CONSTRAINT "providers_organisation_id_organisations_id_fk" FOREIGN KEY ("organisation_id") REFERENCES "public"."organisations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "servers" ADD CONSTRAINT "servers_organisation_id_organisations_id_fk" FOREIGN KEY ("organisation_id") REFERENCES "public"."organisations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "servers" ADD CONSTRAINT "servers_provider_id_providers_id_fk" FOREIGN KEY ("provider_id") REFERENCES "public"."providers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "operation_locks" ADD CONSTRAINT "operation_locks_operation_id_operations_id_fk" FOREIGN KEY ("operation_id") REFERENCES "public"."operations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "operation_log_chunks" ADD CONSTRAINT "operation_log_chunks_step_id_operation_steps_id_fk" FOREIGN KEY ("step_id") REFERENCES "public"."operation_steps"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "operation_steps" ADD CONSTRAINT "operation_steps_operation_id_operations_id_fk" FOREIGN KEY ("operation_id") REFERENCES "public"."operations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "operation_steps" ADD CONSTRAINT "operation_steps_server_id_servers_id_fk" FOREIGN KEY ("server_id") REFERENCES "public"."servers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "operations" ADD CONSTRAINT "operations_organisation_id_organisations_id_fk" FOREIGN KEY ("organisation_id") REFERENCES "public"."organisations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "operations" ADD CONSTRAINT "operations_parent_id_operations_id_fk" FOREIGN KEY ("parent_id") REFERENCES "public"."operations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "operations" ADD CONSTRAINT "operations_root_id_operations_id_fk" FOREIGN KEY ("root_id") REFERENCES "public"."operations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "operations" ADD CONSTRAINT "operations_retry_of_operations_id_fk" FOREIGN KEY ("retry_of") REFERENCES "public"."operations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environment_attachments" ADD CONSTRAINT "environment_attachments_environment_id_environments_id_fk" FOREIGN KEY ("environment_id") REFERENCES "public"."environments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environment_attachments" ADD CONSTRAINT "environment_attachments_service_id_services_id_fk" FOREIGN KEY ("service_id") REFERENCES "public"."services"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environment_attachments" ADD CONSTRAINT "environment_attachments_service_slice_id_service_slices_id_fk" FOREIGN KEY ("service_slice_id") REFERENCES "public"."service_slices"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "gateway_revisions" ADD CONSTRAINT "gateway_revisions_gateway_id_services_id_fk" FOREIGN KEY ("gateway_id") REFERENCES "public"."services"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "gateway_revisions" ADD CONSTRAINT "gateway_revisions_operation_id_operations_id_fk" FOREIGN KEY ("operation_id") REFERENCES "public"."operations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "service_endpoints" ADD CONSTRAINT "service_endpoints_service_id_services_id_fk" FOREIGN KEY ("service_id") REFERENCES "public"."services"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "service_endpoints" ADD CONSTRAINT "service_endpoints_service_replica_id_service_replicas_id_fk" FOREIGN KEY ("service_replica_id") REFERENCES "public"."service_replicas"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "service_placements" ADD CONSTRAINT "service_placements_service_id_services_id_fk" FOREIGN KEY ("service_id") REFERENCES "public"."services"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "service_placements" ADD CONSTRAINT "service_placements_server_id_servers_id_fk" FOREIGN KEY ("server_id") REFERENCES "public"."servers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "service_replicas" ADD CONSTRAINT "service_replicas_service_id_services_id_fk" FOREIGN KEY ("service_id") REFERENCES "public"."services"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "service_replicas" ADD CONSTRAINT "service_replicas_server_id_servers_id_fk" FOREIGN KEY ("server_id") REFERENCES "public"."servers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "service_replicas" ADD CONSTRAINT "service_replicas_operation_id_operations_id_fk" FOREIGN KEY ("operation_id") REFERENCES "public"."operations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "service_slices" ADD CONSTRAINT "service_slices_service_id_services_id_fk" FOREIGN KEY ("service_id") REFERENCES "public"."services"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "service_slices" ADD CONSTRAINT "service_slices_environment_id_environments_id_fk" FOREIGN KEY ("environment_id") REFERENCES "public"."environments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "services" ADD CONSTRAINT "services_organisation_id_organisations_id_fk" FOREIGN KEY ("organisation_id") REFERENCES "public"."organisations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "services" ADD CONSTRAINT "services_environment_id_environments_id_fk" FOREIGN KEY ("environment_id") REFERENCES "public"."environments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "services" ADD CONSTRAINT "services_gateway_server_id_servers_id_fk" FOREIGN KEY ("gateway_server_id") REFERENCES "public"."servers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "applications" ADD CONSTRAINT "applications_organisation_id_organisations_id_fk" FOREIGN KEY ("organisation_id") REFERENCES "public"."organisations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "build_artifacts" ADD CONSTRAINT "build_artifacts_environment_id_environments_id_fk" FOREIGN KEY ("environment_id") REFERENCES "public"."environments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "build_artifacts" ADD CONSTRAINT "build_artifacts_server_id_servers_id_fk" FOREIGN KEY ("server_id") REFERENCES "public"."servers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "build_artifacts" ADD CONSTRAINT "build_artifacts_built_by_operation_id_operations_id_fk" FOREIGN KEY ("built_by_operation_id") REFERENCES "public"."operations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "build_artifacts" ADD CONSTRAINT "build_artifacts_built_by_service_id_services_id_fk" FOREIGN KEY ("built_by_service_id") REFERENCES "public"."services"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environment_variables" ADD CONSTRAINT "environment_variables_environment_id_environments_id_fk" FOREIGN KEY ("environment_id") REFERENCES "public"."environments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environment_variables" ADD CONSTRAINT "environment_variables_service_slice_id_service_slices_id_fk" FOREIGN KEY ("service_slice_id") REFERENCES "public"."service_slices"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_organisation_id_organisations_id_fk" FOREIGN KEY ("organisation_id") REFERENCES "public"."organisations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_application_id_applications_id_fk" FOREIGN KEY ("application_id") REFERENCES "public"."applications"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_scheduler_target_service_id_services_id_fk" FOREIGN KEY ("scheduler_target_service_id") REFERENCES "public"."services"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_scheduler_replica_id_service_replicas_id_fk" FOREIGN KEY ("scheduler_replica_id") REFERENCES "public"."service_replicas"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_registry_id_registries_id_fk" FOREIGN KEY ("registry_id") REFERENCES "public"."registries"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_current_release_id_releases_id_fk" FOREIGN KEY ("current_release_id") REFERENCES "public"."releases"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "releases" ADD CONSTRAINT "releases_environment_id_environments_id_fk" FOREIGN KEY ("environment_id") REFERENCES "public"."environments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "releases" ADD CONSTRAINT "releases_operation_id_operations_id_fk" FOREIGN KEY ("operation_id") REFERENCES "public"."operations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "releases" ADD CONSTRAINT "releases_artifact_id_build_artifacts_id_fk" FOREIGN KEY ("artifact_id") REFERENCES "public"."build_artifacts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "api_tokens_user" ON "api_tokens" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "audit_events_organisation" ON "audit_events" USING btree ("organisation_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "organisations_name" ON "organisations" USING btree (lower("name"));--> statement-breakpoint
CREATE UNIQUE INDEX "registries_name" ON "registries" USING btree ("organisation_id","name");--> statement-breakpoint
CREATE UNIQUE INDEX "users_email" ON "users" USING btree (lower("email"));--> statement-breakpoint
CREATE UNIQUE INDEX "git_host_keys_host" ON "git_host_keys" USING btree ("organisation_id","host","port");--> statement-breakpoint
CREATE UNIQUE INDEX "providers_name" ON "providers" USING btree ("organisation_id","name");--> statement-breakpoint
CREATE UNIQUE INDEX "servers_name" ON "servers" USING btree ("organisation_id","name") WHERE "servers"."status" <> 'removed';--> statement-breakpoint
CREATE UNIQUE INDEX "servers_address" ON "servers" USING btree ("organisation_id","address","ssh_port") WHERE "servers"."status" <> 'removed';--> statement-breakpoint
CREATE INDEX "operation_locks_key" ON "operation_locks" USING btree ("key");--> statement-breakpoint
CREATE INDEX "operation_log_chunks_sequence" ON "operation_log_chunks" USING btree ("sequence");--> statement-breakpoint
CREATE UNIQUE INDEX "operation_steps_order" ON "operation_steps" USING btree ("operation_id","order");--> statement-breakpoint
CREATE INDEX "operations_parent" ON "operations" USING btree ("parent_id");--> statement-breakpoint
CREATE INDEX "operations_root" ON "operations" USING btree ("root_id");--> statement-breakpoint
CREATE INDEX "operations_target" ON "operations" USING btree ("target_type","target_id","id");--> statement-breakpoint
CREATE INDEX "operations_organisation" ON "operations" USING btree ("organisation_id","id");--> statement-breakpoint
CREATE INDEX "operations_waiting" ON "operations" USING btree ("sequence") WHERE "operations"."status" in ('queued', 'pending', 'running', 'recovering');--> statement-breakpoint
CREATE UNIQUE INDEX "operations_one_recovery" ON "operations" USING btree ("target_id") WHERE "operations"."kind" = 'operation_recover' and "operations"."finished_at" is null;--> statement-breakpoint
CREATE UNIQUE INDEX "environment_attachments_slice" ON "environment_attachments" USING btree ("environment_id","service_slice_id","role");--> statement-breakpoint
CREATE UNIQUE INDEX "environment_attachments_primary" ON "environment_attachments" USING btree ("environment_id","role") WHERE "environment_attachments"."is_primary" and "environment_attachments"."role" <> 'gateway';--> statement-breakpoint
CREATE UNIQUE INDEX "gateway_revisions_phase" ON "gateway_revisions" USING btree ("gateway_id","operation_id","phase");--> statement-breakpoint
CREATE UNIQUE INDEX "service_endpoints_where" ON "service_endpoints" USING btree ("service_id","scope","hostname","port");--> statement-breakpoint
CREATE UNIQUE INDEX "service_replicas_container_name" ON "service_replicas" USING btree ("server_id","container_name") WHERE "service_replicas"."status" <> 'removed';--> statement-breakpoint
CREATE UNIQUE INDEX "service_replicas_host_port" ON "service_replicas" USING btree ("server_id","host_port") WHERE "service_replicas"."status" <> 'removed';--> statement-breakpoint
CREATE INDEX "service_replicas_service" ON "service_replicas" USING btree ("service_id") WHERE "service_replicas"."status" <> 'removed';--> statement-breakpoint
CREATE INDEX "service_replicas_operation" ON "service_replicas" USING btree ("operation_id");--> statement-breakpoint
CREATE UNIQUE INDEX "service_slices_name" ON "service_slices" USING btree ("service_id","name") WHERE "service_slices"."status" <> 'removed';--> statement-breakpoint
CREATE UNIQUE INDEX "service_slices_domain" ON "service_slices" USING btree ("service_id",lower("domain")) WHERE "service_slices"."type" = 'route' and "service_slices"."status" <> 'removed';--> statement-breakpoint
CREATE UNIQUE INDEX "services_name_in_environment" ON "services" USING btree ("environment_id","name") WHERE "services"."status" <> 'removed';--> statement-breakpoint
CREATE UNIQUE INDEX "services_name_standalone" ON "services" USING btree ("organisation_id","name") WHERE "services"."environment_id" is null and "services"."status" <> 'removed';--> statement-breakpoint
CREATE UNIQUE INDEX "services_one_gateway" ON "services" USING btree ("gateway_server_id") WHERE "services"."status" <> 'removed';--> statement-breakpoint
CREATE UNIQUE INDEX "applications_name" ON "applications" USING btree ("organisation_id","name");--> statement-breakpoint
CREATE UNIQUE INDEX "build_artifacts_key" ON "build_artifacts" USING btree ("environment_id","key") WHERE "build_artifacts"."status" in ('building', 'available');--> statement-breakpoint
CREATE UNIQUE INDEX "environment_variables_key" ON "environment_variables" USING btree ("environment_id","key","source");--> statement-breakpoint
CREATE UNIQUE INDEX "environments_name" ON "environments" USING btree ("application_id","name") WHERE "environments"."status" <> 'removed';--> statement-breakpoint
CREATE UNIQUE INDEX "releases_number" ON "releases" USING btree ("environment_id","number");--> statement-breakpoint
CREATE UNIQUE INDEX "releases_one_successful" ON "releases" USING btree ("environment_id") WHERE "releases"."status" = 'successful';--> statement-breakpoint
CREATE INDEX "releases_artifact" ON "releases" USING btree ("artifact_id");