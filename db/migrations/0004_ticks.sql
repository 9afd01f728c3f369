ALTER TABLE "environments" DROP CONSTRAINT "environments_scheduler_replica_id_service_replicas_id_fk";
--> statement-breakpoint
ALTER TABLE "service_replicas" ADD COLUMN "ticks" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "environments" DROP COLUMN "scheduler_replica_id";--> statement-breakpoint
ALTER TABLE "service_replicas" ADD CONSTRAINT "service_replicas_ticks_with_container" CHECK (not "service_replicas"."ticks" or "service_replicas"."status" in ('running', 'stopping'));