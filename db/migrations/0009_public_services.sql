ALTER TABLE "services" ADD COLUMN "allow_public" boolean DEFAULT false NOT NULL;--> statement-breakpoint
UPDATE "server_firewalls" SET "open_ports" = (
  SELECT coalesce(jsonb_agg(jsonb_build_object('address', "servers"."private_address") || entry), '[]')
  FROM "servers", jsonb_array_elements("server_firewalls"."open_ports") AS entry
  WHERE "servers"."id" = "server_firewalls"."server_id"
);
