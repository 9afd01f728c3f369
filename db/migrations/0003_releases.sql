ALTER TABLE "releases" ALTER COLUMN "artifact_id" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "releases" ALTER COLUMN "services" SET DEFAULT '{}'::jsonb;--> statement-breakpoint
ALTER TABLE "servers" ADD COLUMN "folders_pruned_at" timestamp with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "release_retention" integer DEFAULT 5 NOT NULL;--> statement-breakpoint
ALTER TABLE "releases" ADD COLUMN "commit_sha" text;--> statement-breakpoint
UPDATE "releases" SET "commit_sha" = "build_artifacts"."commit_sha" FROM "build_artifacts" WHERE "build_artifacts"."id" = "releases"."artifact_id";--> statement-breakpoint
ALTER TABLE "releases" ALTER COLUMN "commit_sha" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "releases" ADD COLUMN "rolled_back_to_id" uuid;--> statement-breakpoint
ALTER TABLE "releases" ADD COLUMN "variables" text;--> statement-breakpoint
ALTER TABLE "releases" ADD COLUMN "pruned_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "releases" ADD CONSTRAINT "releases_rolled_back_to_fk" FOREIGN KEY ("environment_id","rolled_back_to_id") REFERENCES "public"."releases"("environment_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_release_retention" CHECK ("environments"."release_retention" between 1 and 50);--> statement-breakpoint
ALTER TABLE "releases" ADD CONSTRAINT "releases_commit" CHECK ("releases"."commit_sha" ~ '^[0-9a-f]{40}([0-9a-f]{24})?$');--> statement-breakpoint
ALTER TABLE "releases" ADD CONSTRAINT "releases_has_artifact" CHECK ("releases"."status" in ('preparing', 'failed') or "releases"."artifact_id" is not null);--> statement-breakpoint
ALTER TABLE "releases" ADD CONSTRAINT "releases_live_is_kept" CHECK ("releases"."pruned_at" is null or "releases"."status" <> 'successful');