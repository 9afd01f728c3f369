CREATE TABLE "drift_findings" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"organisation_id" uuid NOT NULL,
	"server_id" uuid NOT NULL,
	"code" text NOT NULL,
	"subject" text NOT NULL,
	"environment_id" uuid,
	"service_id" uuid,
	"replica_id" uuid,
	"message" text NOT NULL,
	"hint" text NOT NULL,
	"expected" text,
	"found" text,
	"first_seen_at" timestamp with time zone NOT NULL,
	"last_seen_at" timestamp with time zone NOT NULL,
	"resolved_at" timestamp with time zone,
	CONSTRAINT "drift_findings_code" CHECK ("drift_findings"."code" in ('docker_silent', 'container_missing', 'container_stopped', 'container_unhealthy', 'container_replaced', 'container_unknown', 'image_changed', 'limits_changed', 'file_missing', 'file_changed', 'gateway_silent', 'gateway_changed', 'route_not_live', 'firewall_changed'))
);
--> statement-breakpoint
CREATE TABLE "server_observations" (
	"server_id" uuid NOT NULL,
	"run_id" uuid NOT NULL,
	"observed_at" timestamp with time zone NOT NULL,
	"is_reachable" boolean NOT NULL,
	"failure" text,
	"measures" jsonb,
	CONSTRAINT "server_observations_server_id_run_id_pk" PRIMARY KEY("server_id","run_id")
);
--> statement-breakpoint
ALTER TABLE "server_firewalls" ADD COLUMN "listed" text;--> statement-breakpoint
ALTER TABLE "service_replicas" ADD COLUMN "footprint" jsonb DEFAULT '{"files":{},"containers":[]}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "service_replicas" ADD COLUMN "observed_status" text;--> statement-breakpoint
ALTER TABLE "service_replicas" ADD COLUMN "observed_container_id" text;--> statement-breakpoint
ALTER TABLE "service_replicas" ADD COLUMN "observed_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "service_replicas" ADD COLUMN "is_altered" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "drift_findings" ADD CONSTRAINT "drift_findings_organisation_id_organisations_id_fk" FOREIGN KEY ("organisation_id") REFERENCES "public"."organisations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "drift_findings" ADD CONSTRAINT "drift_findings_server_fk" FOREIGN KEY ("organisation_id","server_id") REFERENCES "public"."servers"("organisation_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "server_observations" ADD CONSTRAINT "server_observations_server_id_servers_id_fk" FOREIGN KEY ("server_id") REFERENCES "public"."servers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "drift_findings_open" ON "drift_findings" USING btree ("server_id","code","subject") WHERE "drift_findings"."resolved_at" is null;--> statement-breakpoint
CREATE INDEX "drift_findings_organisation" ON "drift_findings" USING btree ("organisation_id","id");--> statement-breakpoint
CREATE INDEX "server_observations_moment" ON "server_observations" USING btree ("server_id","observed_at");