ALTER TABLE "webhook_deliveries" ADD COLUMN "pusher" text;--> statement-breakpoint
ALTER TABLE "webhook_deliveries" ADD COLUMN "settled_at" timestamp with time zone DEFAULT now();--> statement-breakpoint
CREATE INDEX "webhook_deliveries_unsettled" ON "webhook_deliveries" USING btree ("application_id","id") WHERE "webhook_deliveries"."settled_at" is null;