import { CancellationScope } from '@temporalio/workflow'
import type { OperationInput } from '../activities/operations.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { untilCommitted } from './converge.ts'
import { asOperation } from './operation.ts'
import { control, watch } from './proxies.ts'

/**
 * Runs the migration of what is live, by hand (specification section 18). What it has done to the database is never taken back; a
 * failure or cancel ends its container, and that is all.
 */
export async function migration_run({ operationId }: OperationInput): Promise<void> {
  await asOperation({ operationId }, async () => {
    const { serverName, ...migration } = await control.planMigration({ operationId })
    await untilCommitted({ operationId, of: operationId }, async () => {
      const run = { operationId, order: stepNumbers.migrationRun.migrate, ...migration }
      await watch.migrate.executeWithOptions({ summary: `migrate on ${serverName}` }, [run])
      await CancellationScope.nonCancellable(() => control.recordMigration({ operationId }))
    })
    return 'migrated'
  })
}
