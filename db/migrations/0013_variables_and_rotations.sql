CREATE TABLE "credential_rotations" (
	"slice_id" uuid PRIMARY KEY NOT NULL,
	"operation_id" uuid NOT NULL,
	"stage" text NOT NULL,
	"credentials" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "credential_rotations_stage" CHECK ("credential_rotations"."stage" in ('admitting', 'retiring'))
);
--> statement-breakpoint
CREATE TABLE "environment_variable_changes" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"environment_id" uuid NOT NULL,
	"key" text NOT NULL,
	"version" integer NOT NULL,
	"change" text NOT NULL,
	"user_id" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "environment_variable_changes_change" CHECK ("environment_variable_changes"."change" in ('set', 'removed'))
);
--> statement-breakpoint
ALTER TABLE "operations" DROP CONSTRAINT "operations_kind";--> statement-breakpoint
ALTER TABLE "operations" DROP CONSTRAINT "operations_target_type";--> statement-breakpoint
ALTER TABLE "credential_rotations" ADD CONSTRAINT "credential_rotations_slice_id_service_slices_id_fk" FOREIGN KEY ("slice_id") REFERENCES "public"."service_slices"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "credential_rotations" ADD CONSTRAINT "credential_rotations_operation_id_operations_id_fk" FOREIGN KEY ("operation_id") REFERENCES "public"."operations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environment_variable_changes" ADD CONSTRAINT "environment_variable_changes_environment_id_environments_id_fk" FOREIGN KEY ("environment_id") REFERENCES "public"."environments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environment_variable_changes" ADD CONSTRAINT "environment_variable_changes_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "environment_variable_changes_version" ON "environment_variable_changes" USING btree ("environment_id","key","version");--> statement-breakpoint
CREATE INDEX "environment_variable_changes_environment" ON "environment_variable_changes" USING btree ("environment_id","id");--> statement-breakpoint
ALTER TABLE "operations" ADD CONSTRAINT "operations_kind" CHECK ("operations"."kind" in ('server_provision', 'service_deploy', 'replica_deploy', 'slice_provision', 'slice_configure', 'slice_detach', 'slice_remove', 'route_remove', 'environment_deploy', 'gateway_cutover', 'config_change', 'credential_rotation', 'key_rotation', 'migration_run', 'environment_rollback', 'environment_remove', 'service_stop', 'service_start', 'service_restart', 'service_remove', 'service_update', 'volume_remove', 'server_remove', 'operation_recover'));--> statement-breakpoint
ALTER TABLE "operations" ADD CONSTRAINT "operations_target_type" CHECK ("operations"."target_type" in ('server', 'service', 'replica', 'slice', 'environment', 'operation', 'volume', 'organisation'));