CREATE TABLE "server_key_rotations" (
	"server_id" uuid PRIMARY KEY NOT NULL,
	"operation_id" uuid NOT NULL,
	"stage" text NOT NULL,
	"public_key" text NOT NULL,
	"private_key" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "server_key_rotations_stage" CHECK ("server_key_rotations"."stage" in ('admitting', 'retiring'))
);
--> statement-breakpoint
ALTER TABLE "operations" DROP CONSTRAINT "operations_kind";--> statement-breakpoint
ALTER TABLE "server_key_rotations" ADD CONSTRAINT "server_key_rotations_server_id_servers_id_fk" FOREIGN KEY ("server_id") REFERENCES "public"."servers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "server_key_rotations" ADD CONSTRAINT "server_key_rotations_operation_id_operations_id_fk" FOREIGN KEY ("operation_id") REFERENCES "public"."operations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "operations" ADD CONSTRAINT "operations_kind" CHECK ("operations"."kind" in ('server_provision', 'service_deploy', 'replica_deploy', 'slice_provision', 'slice_configure', 'slice_detach', 'slice_remove', 'route_remove', 'environment_deploy', 'gateway_cutover', 'config_change', 'credential_rotation', 'key_rotation', 'migration_run', 'environment_rollback', 'environment_remove', 'service_stop', 'service_start', 'service_restart', 'service_remove', 'service_update', 'volume_remove', 'server_harden', 'server_key_rotation', 'server_remove', 'operation_recover'));