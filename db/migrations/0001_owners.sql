ALTER TABLE "servers" DROP CONSTRAINT "servers_provider_id_providers_id_fk";--> statement-breakpoint
ALTER TABLE "operations" DROP CONSTRAINT "operations_parent_id_operations_id_fk";--> statement-breakpoint
ALTER TABLE "operations" DROP CONSTRAINT "operations_root_id_operations_id_fk";--> statement-breakpoint
ALTER TABLE "operations" DROP CONSTRAINT "operations_retry_of_operations_id_fk";--> statement-breakpoint
ALTER TABLE "environment_attachments" DROP CONSTRAINT "environment_attachments_service_slice_id_service_slices_id_fk";--> statement-breakpoint
ALTER TABLE "services" DROP CONSTRAINT "services_environment_id_environments_id_fk";--> statement-breakpoint
ALTER TABLE "services" DROP CONSTRAINT "services_gateway_server_id_servers_id_fk";--> statement-breakpoint
ALTER TABLE "environments" DROP CONSTRAINT "environments_application_id_applications_id_fk";--> statement-breakpoint
ALTER TABLE "environments" DROP CONSTRAINT "environments_scheduler_target_service_id_services_id_fk";--> statement-breakpoint
ALTER TABLE "environments" DROP CONSTRAINT "environments_registry_id_registries_id_fk";--> statement-breakpoint
ALTER TABLE "environments" DROP CONSTRAINT "environments_current_release_id_releases_id_fk";--> statement-breakpoint
ALTER TABLE "releases" DROP CONSTRAINT "releases_artifact_id_build_artifacts_id_fk";--> statement-breakpoint
DROP INDEX "operations_organisation";--> statement-breakpoint
ALTER TABLE "registries" ADD CONSTRAINT "registries_in_organisation" UNIQUE("organisation_id","id");--> statement-breakpoint
ALTER TABLE "providers" ADD CONSTRAINT "providers_in_organisation" UNIQUE("organisation_id","id");--> statement-breakpoint
ALTER TABLE "servers" ADD CONSTRAINT "servers_in_organisation" UNIQUE("organisation_id","id");--> statement-breakpoint
ALTER TABLE "operations" ADD CONSTRAINT "operations_in_organisation" UNIQUE("organisation_id","id");--> statement-breakpoint
ALTER TABLE "service_slices" ADD CONSTRAINT "service_slices_in_service" UNIQUE("service_id","id");--> statement-breakpoint
ALTER TABLE "services" ADD CONSTRAINT "services_in_environment" UNIQUE("environment_id","id");--> statement-breakpoint
ALTER TABLE "applications" ADD CONSTRAINT "applications_in_organisation" UNIQUE("organisation_id","id");--> statement-breakpoint
ALTER TABLE "build_artifacts" ADD CONSTRAINT "build_artifacts_in_environment" UNIQUE("environment_id","id");--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_in_organisation" UNIQUE("organisation_id","id");--> statement-breakpoint
ALTER TABLE "releases" ADD CONSTRAINT "releases_in_environment" UNIQUE("environment_id","id");--> statement-breakpoint
ALTER TABLE "servers" ADD CONSTRAINT "servers_provider_fk" FOREIGN KEY ("organisation_id","provider_id") REFERENCES "public"."providers"("organisation_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "operations" ADD CONSTRAINT "operations_parent_fk" FOREIGN KEY ("organisation_id","parent_id") REFERENCES "public"."operations"("organisation_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "operations" ADD CONSTRAINT "operations_root_fk" FOREIGN KEY ("organisation_id","root_id") REFERENCES "public"."operations"("organisation_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "operations" ADD CONSTRAINT "operations_retry_fk" FOREIGN KEY ("organisation_id","retry_of") REFERENCES "public"."operations"("organisation_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environment_attachments" ADD CONSTRAINT "environment_attachments_slice_fk" FOREIGN KEY ("service_id","service_slice_id") REFERENCES "public"."service_slices"("service_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "services" ADD CONSTRAINT "services_environment_fk" FOREIGN KEY ("organisation_id","environment_id") REFERENCES "public"."environments"("organisation_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "services" ADD CONSTRAINT "services_gateway_server_fk" FOREIGN KEY ("organisation_id","gateway_server_id") REFERENCES "public"."servers"("organisation_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_application_fk" FOREIGN KEY ("organisation_id","application_id") REFERENCES "public"."applications"("organisation_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_registry_fk" FOREIGN KEY ("organisation_id","registry_id") REFERENCES "public"."registries"("organisation_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_current_release_fk" FOREIGN KEY ("id","current_release_id") REFERENCES "public"."releases"("environment_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_scheduler_target_fk" FOREIGN KEY ("id","scheduler_target_service_id") REFERENCES "public"."services"("environment_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "releases" ADD CONSTRAINT "releases_artifact_fk" FOREIGN KEY ("environment_id","artifact_id") REFERENCES "public"."build_artifacts"("environment_id","id") ON DELETE no action ON UPDATE no action;
