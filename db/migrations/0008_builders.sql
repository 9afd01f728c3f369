CREATE TABLE "builds" (
	"operation_id" uuid PRIMARY KEY NOT NULL,
	"builder_service_id" uuid NOT NULL,
	"sequence" bigint GENERATED ALWAYS AS IDENTITY (sequence name "builds_sequence_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "services" DROP CONSTRAINT "services_driver";--> statement-breakpoint
ALTER TABLE "build_artifacts" ALTER COLUMN "commit_sha" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "build_artifacts" ALTER COLUMN "platform" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "build_artifacts" ALTER COLUMN "image_tag" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "releases" ALTER COLUMN "commit_sha" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "build_strategy" text DEFAULT 'target_server' NOT NULL;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "builder_service_id" uuid;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "image" text;--> statement-breakpoint
ALTER TABLE "builds" ADD CONSTRAINT "builds_operation_id_operations_id_fk" FOREIGN KEY ("operation_id") REFERENCES "public"."operations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "builds" ADD CONSTRAINT "builds_builder_service_id_services_id_fk" FOREIGN KEY ("builder_service_id") REFERENCES "public"."services"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "builds_queue" ON "builds" USING btree ("builder_service_id","sequence");--> statement-breakpoint
ALTER TABLE "services" ADD CONSTRAINT "services_in_organisation" UNIQUE("organisation_id","id");--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_builder_fk" FOREIGN KEY ("organisation_id","builder_service_id") REFERENCES "public"."services"("organisation_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "services" ADD CONSTRAINT "services_driver" CHECK ("services"."driver_name" in ('laravel', 'postgres', 'valkey', 'caddy', 'buildkit'));--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_builder" CHECK (("environments"."build_strategy" = 'dedicated_builder') = ("environments"."builder_service_id" is not null));--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_image" CHECK ("environments"."image" is null or "environments"."build_strategy" = 'external_registry');--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_build_strategy" CHECK ("environments"."build_strategy" in ('target_server', 'dedicated_builder', 'external_registry'));