import { CancellationScope } from '@temporalio/workflow'
import type { OperationInput } from '../activities/operations.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { untilCommitted } from './converge.ts'
import { asOperation } from './operation.ts'
import { control, watch } from './proxies.ts'

/**
 * Runs a command of a person's in a container of its own, with the image of what is live. It runs once and never again by itself; a
 * failure or cancel ends its container, and what it has done stays done. Any exit code but 0 is a failure, which has it.
 */
export async function command_run({ operationId }: OperationInput): Promise<void> {
  await asOperation({ operationId }, async () => {
    const { serverName, ...command } = await control.planCommand({ operationId })
    await untilCommitted({ operationId, of: operationId }, async () => {
      const run = { operationId, order: stepNumbers.commandRun.run, name: 'command', ...command }
      await watch.runCommand.executeWithOptions({ summary: `run a command on ${serverName}` }, [run])
      await CancellationScope.nonCancellable(() => control.recordCommand({ operationId }))
    })
    return 'exited with 0'
  })
}
