CREATE TABLE "machines" (
	"server_id" uuid PRIMARY KEY NOT NULL,
	"location" text NOT NULL,
	"type" text NOT NULL,
	"image" text NOT NULL,
	"network" text,
	"given_host_key" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "servers" DROP CONSTRAINT "servers_status";--> statement-breakpoint
ALTER TABLE "servers" ALTER COLUMN "address" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "machines" ADD CONSTRAINT "machines_server_id_servers_id_fk" FOREIGN KEY ("server_id") REFERENCES "public"."servers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "servers" ADD CONSTRAINT "servers_active_is_somewhere" CHECK ("servers"."status" not in ('active', 'unreachable') or "servers"."address" is not null);--> statement-breakpoint
ALTER TABLE "servers" ADD CONSTRAINT "servers_status" CHECK ("servers"."status" in ('new', 'provisioning', 'active', 'failed', 'unreachable', 'removing', 'removed'));