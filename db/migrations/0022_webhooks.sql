CREATE TABLE "webhook_deliveries" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"organisation_id" uuid NOT NULL,
	"application_id" uuid NOT NULL,
	"provider" text NOT NULL,
	"event" text NOT NULL,
	"delivery_id" text,
	"body_hash" text NOT NULL,
	"ref" text,
	"before" text,
	"after" text,
	"reason" jsonb,
	"results" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"received_at" timestamp with time zone DEFAULT now() NOT NULL,
	"repeats" integer DEFAULT 0 NOT NULL,
	"repeated_at" timestamp with time zone,
	CONSTRAINT "webhook_deliveries_provider" CHECK ("webhook_deliveries"."provider" in ('gitea', 'github', 'generic'))
);
--> statement-breakpoint
ALTER TABLE "applications" ADD COLUMN "webhook_secret" text;--> statement-breakpoint
ALTER TABLE "applications" ADD COLUMN "next_webhook_secret" text;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "deploy_on_push" boolean DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "deploy_tags" text;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "trigger_paths" text[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "branch_check_minutes" integer;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "branch_checked_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "branch_head" text;--> statement-breakpoint
ALTER TABLE "webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_organisation_id_organisations_id_fk" FOREIGN KEY ("organisation_id") REFERENCES "public"."organisations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_application_fk" FOREIGN KEY ("organisation_id","application_id") REFERENCES "public"."applications"("organisation_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "webhook_deliveries_body" ON "webhook_deliveries" USING btree ("application_id","body_hash");--> statement-breakpoint
CREATE UNIQUE INDEX "webhook_deliveries_delivery" ON "webhook_deliveries" USING btree ("application_id","provider","delivery_id");--> statement-breakpoint
CREATE INDEX "webhook_deliveries_ref" ON "webhook_deliveries" USING btree ("application_id","ref","id");--> statement-breakpoint
CREATE INDEX "webhook_deliveries_listed" ON "webhook_deliveries" USING btree ("application_id","id");--> statement-breakpoint
CREATE INDEX "webhook_deliveries_received" ON "webhook_deliveries" USING btree ("received_at");--> statement-breakpoint
ALTER TABLE "applications" ADD CONSTRAINT "applications_next_webhook_secret" CHECK ("applications"."next_webhook_secret" is null or "applications"."webhook_secret" is not null);--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_branch_check_minutes" CHECK ("environments"."branch_check_minutes" between 1 and 1440);