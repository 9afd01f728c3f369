ALTER TABLE "servers" ADD COLUMN "adoption_user" text DEFAULT 'root' NOT NULL;--> statement-breakpoint
ALTER TABLE "servers" ADD COLUMN "adoption_password" text;--> statement-breakpoint
ALTER TABLE "servers" ADD CONSTRAINT "servers_one_adoption" CHECK (num_nonnulls("servers"."adoption_key_private", "servers"."adoption_password") <= 1);