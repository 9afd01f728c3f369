import { environmentServices } from '../db/engine-services.ts'
import { idOf } from '../db/ids.ts'
import { operationById } from '../db/operations/begin.ts'
import { commitOnce } from '../db/operations/commit.ts'
import { liveRelease } from '../db/releases.ts'
import type { EnvironmentId } from '../domain/ids.ts'
import { migrationRefusal } from '../domain/migrations.ts'
import { configuredService } from './configured-services.ts'
import type { ActivityDeps } from './deps.ts'
import { finalFailure } from './failures.ts'
import { type LivePlace, livePlace } from './live-place.ts'
import type { OperationInput } from './operations.ts'
import { primaryOf } from './placed-environment.ts'

/** A migration of what is live, beside a replica that runs it. */
export interface MigrationPlan extends LivePlace {
  command: string
}

/** Migrations that a person asks for. */
export function migrationActivities(deps: ActivityDeps) {
  const { db, keyring } = deps
  return {
    /**
     * With which image, where and by which command a `migration_run` migrates: the command is that of today, the image that of the live
     * release. Fails for the reasons of `migrationRefusal`, and as `service_not_running` where no replica runs it.
     */
    async planMigration({ operationId }: OperationInput): Promise<MigrationPlan> {
      const environmentId = idOf<EnvironmentId>((await operationById(db, operationId)).targetId)
      const { environmentName, release } = await liveRelease(db, environmentId)
      const primary = primaryOf(await environmentServices(db, keyring, environmentId))
      const policy = primary && configuredService(primary).application?.migration
      const refusal = migrationRefusal({ environment: environmentName, isDeployed: release !== null, mode: policy?.mode ?? null })
      if (refusal) throw finalFailure(refusal)
      if (!primary || !policy) throw new Error('what has no migration was not refused')
      return { ...(await livePlace(db, { environmentId, release, service: primary })), command: policy.command }
    },

    /** The commit point of a migration by hand: its command has ended well. */
    async recordMigration({ operationId }: OperationInput): Promise<void> {
      await commitOnce(db, operationId, async () => {})
    },
  }
}
