ALTER TABLE "registries" ADD COLUMN "use" text DEFAULT 'push' NOT NULL;--> statement-breakpoint
ALTER TABLE "registries" ADD CONSTRAINT "registries_use" CHECK ("registries"."use" in ('push', 'pull'));--> statement-breakpoint
ALTER TABLE "registries" ADD CONSTRAINT "registries_credentials" CHECK (("registries"."username" is null) = ("registries"."password" is null));