ALTER TABLE "applications" ADD COLUMN "next_deploy_key_public" text;--> statement-breakpoint
ALTER TABLE "applications" ADD COLUMN "next_deploy_key_private" text;--> statement-breakpoint
ALTER TABLE "applications" ADD COLUMN "next_deploy_key_fingerprint" text;--> statement-breakpoint
ALTER TABLE "applications" ADD CONSTRAINT "applications_next_deploy_key" CHECK (num_nulls("applications"."next_deploy_key_public", "applications"."next_deploy_key_private", "applications"."next_deploy_key_fingerprint") in (0, 3));