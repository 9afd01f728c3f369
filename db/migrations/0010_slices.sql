CREATE TABLE "detachments" (
	"environment_id" uuid NOT NULL,
	"service_id" uuid NOT NULL,
	"service_slice_id" uuid NOT NULL,
	"is_over" boolean DEFAULT false NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "detachments_environment_id_service_slice_id_pk" PRIMARY KEY("environment_id","service_slice_id")
);
--> statement-breakpoint
ALTER TABLE "operations" DROP CONSTRAINT "operations_kind";--> statement-breakpoint
ALTER TABLE "detachments" ADD CONSTRAINT "detachments_environment_id_environments_id_fk" FOREIGN KEY ("environment_id") REFERENCES "public"."environments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "detachments" ADD CONSTRAINT "detachments_service_id_services_id_fk" FOREIGN KEY ("service_id") REFERENCES "public"."services"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "detachments" ADD CONSTRAINT "detachments_slice_fk" FOREIGN KEY ("service_id","service_slice_id") REFERENCES "public"."service_slices"("service_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "operations" ADD CONSTRAINT "operations_kind" CHECK ("operations"."kind" in ('server_provision', 'service_deploy', 'replica_deploy', 'slice_provision', 'slice_configure', 'slice_detach', 'slice_remove', 'environment_deploy', 'gateway_cutover', 'config_change', 'credential_rotation', 'migration_run', 'environment_rollback', 'environment_remove', 'service_remove', 'service_update', 'server_remove', 'operation_recover'));