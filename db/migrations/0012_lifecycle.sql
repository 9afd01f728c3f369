CREATE TABLE "kept_volumes" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"organisation_id" uuid NOT NULL,
	"server_id" uuid NOT NULL,
	"name" text NOT NULL,
	"size_bytes" bigint,
	"service_id" uuid,
	"environment_id" uuid,
	"origin" text NOT NULL,
	"slices" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"removed_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "kept_volumes_origin" CHECK (("kept_volumes"."service_id" is null) <> ("kept_volumes"."environment_id" is null))
);
--> statement-breakpoint
ALTER TABLE "operations" DROP CONSTRAINT "operations_kind";--> statement-breakpoint
ALTER TABLE "operations" DROP CONSTRAINT "operations_target_type";--> statement-breakpoint
DROP INDEX "organisations_name";--> statement-breakpoint
DROP INDEX "applications_name";--> statement-breakpoint
ALTER TABLE "organisations" ADD COLUMN "removed_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "service_placements" ADD COLUMN "limits" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "service_replicas" ADD COLUMN "running_cpu_limit" double precision;--> statement-breakpoint
ALTER TABLE "service_replicas" ADD COLUMN "running_memory_limit_mb" integer;--> statement-breakpoint
ALTER TABLE "applications" ADD COLUMN "removed_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "kept_volumes" ADD CONSTRAINT "kept_volumes_organisation_id_organisations_id_fk" FOREIGN KEY ("organisation_id") REFERENCES "public"."organisations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kept_volumes" ADD CONSTRAINT "kept_volumes_server_id_servers_id_fk" FOREIGN KEY ("server_id") REFERENCES "public"."servers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kept_volumes" ADD CONSTRAINT "kept_volumes_service_id_services_id_fk" FOREIGN KEY ("service_id") REFERENCES "public"."services"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kept_volumes" ADD CONSTRAINT "kept_volumes_environment_id_environments_id_fk" FOREIGN KEY ("environment_id") REFERENCES "public"."environments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kept_volumes" ADD CONSTRAINT "kept_volumes_server_fk" FOREIGN KEY ("organisation_id","server_id") REFERENCES "public"."servers"("organisation_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "kept_volumes_name" ON "kept_volumes" USING btree ("server_id","name") WHERE "kept_volumes"."removed_at" is null;--> statement-breakpoint
CREATE UNIQUE INDEX "organisations_name" ON "organisations" USING btree (lower("name")) WHERE "organisations"."removed_at" is null;--> statement-breakpoint
CREATE UNIQUE INDEX "applications_name" ON "applications" USING btree ("organisation_id","name") WHERE "applications"."removed_at" is null;--> statement-breakpoint
ALTER TABLE "operations" ADD CONSTRAINT "operations_kind" CHECK ("operations"."kind" in ('server_provision', 'service_deploy', 'replica_deploy', 'slice_provision', 'slice_configure', 'slice_detach', 'slice_remove', 'route_remove', 'environment_deploy', 'gateway_cutover', 'config_change', 'credential_rotation', 'migration_run', 'environment_rollback', 'environment_remove', 'service_stop', 'service_start', 'service_restart', 'service_remove', 'service_update', 'volume_remove', 'server_remove', 'operation_recover'));--> statement-breakpoint
ALTER TABLE "operations" ADD CONSTRAINT "operations_target_type" CHECK ("operations"."target_type" in ('server', 'service', 'replica', 'slice', 'environment', 'operation', 'volume'));