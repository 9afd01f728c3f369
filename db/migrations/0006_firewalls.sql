CREATE TABLE "server_firewalls" (
	"server_id" uuid PRIMARY KEY NOT NULL,
	"revision" integer NOT NULL,
	"applied" integer DEFAULT 0 NOT NULL,
	"open_ports" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "server_firewalls_applied" CHECK ("server_firewalls"."applied" between 0 and "server_firewalls"."revision")
);
--> statement-breakpoint
ALTER TABLE "server_firewalls" ADD CONSTRAINT "server_firewalls_server_id_servers_id_fk" FOREIGN KEY ("server_id") REFERENCES "public"."servers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "servers_private_address_unique" ON "servers" USING btree ("organisation_id","private_network","private_address") WHERE "servers"."status" <> 'removed';--> statement-breakpoint
ALTER TABLE "servers" ADD CONSTRAINT "servers_private_address" CHECK (("servers"."private_address" is null) = ("servers"."private_network" is null));