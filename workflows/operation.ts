import {
  ApplicationFailure,
  CancellationScope,
  ChildWorkflowCancellationType,
  executeChild,
  isCancellation,
  ParentClosePolicy,
  workflowInfo,
} from '@temporalio/workflow'
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common'
import type { OperationInput } from '../activities/operations.ts'
import type { OperationId } from '../domain/ids.ts'
import { type Failure, isFailure, type OperationKind, searchAttributeNames, workflowId } from '../domain/operations.ts'
import type { WarningCode } from '../domain/warnings.ts'
import { control } from './proxies.ts'

const kindAttribute = defineSearchAttributeKey(searchAttributeNames.kind, SearchAttributeType.KEYWORD)

/**
 * The frame of every operation: begins its row, does the work, ends its row. What `work` returns is the outcome in one word. A
 * failure ends the row with its cause and then the workflow, so that both tell the same.
 */
export async function asOperation({ operationId }: OperationInput, work: () => Promise<string>): Promise<void> {
  const isOurs = await CancellationScope.nonCancellable(() => control.begin({ operationId }))
  if (!isOurs) return
  try {
    const outcome = await work()
    await CancellationScope.nonCancellable(() => control.finish({ operationId, ending: { status: 'succeeded', outcome } }))
  } catch (error) {
    await CancellationScope.nonCancellable(() => control.finish({ operationId, ending: endingOf(error) }))
    throw error
  }
}

function endingOf(error: unknown) {
  const failure = failureOf(error)
  if (isCancellation(error) || failure.code === 'cancel_requested') return { status: 'cancelled' as const }
  return { status: 'failed' as const, failure }
}

/** The cause as the activity stated it; Temporal wraps it once per activity and child workflow. `unexpected` where none did. */
export function failureOf(error: unknown): Failure {
  if (error instanceof ApplicationFailure && isFailure(error.details?.[0])) return error.details[0]
  if (error instanceof Error && error.cause !== undefined) return failureOf(error.cause)
  return { code: 'unexpected', message: error instanceof Error ? error.message : String(error) }
}

/**
 * Runs a child operation, whose row the plan has stored, with `input` beside its operation id. Throws when it failed; the
 * parent's end is the child's end, however it comes.
 */
export async function runChild(kind: OperationKind, operationId: OperationId, input: object, summary: string): Promise<void> {
  await executeChild(kind, {
    workflowId: workflowId(kind, operationId),
    workflowIdReusePolicy: 'REJECT_DUPLICATE',
    args: [{ operationId, ...input }],
    cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
    parentClosePolicy: ParentClosePolicy.TERMINATE,
    staticSummary: summary,
    typedSearchAttributes: foundAs(kind),
  })
}

/** A child is found by all that its parent is found by, under its own kind. */
const foundAs = (kind: OperationKind) => workflowInfo().typedSearchAttributes.updateCopy([{ key: kindAttribute, value: kind }])

/**
 * Runs all side by side, at most fifty at once. The first failure cancels the others, and is thrown when these have ended: after
 * it nothing of the list is under way any more.
 */
export async function together<Item>(items: readonly Item[], run: (item: Item, index: number) => Promise<void>): Promise<void> {
  for (let start = 0; start < items.length; start += 50) {
    await window(items.slice(start, start + 50).map((item, index) => () => run(item, start + index)))
  }
}

async function window(runs: readonly (() => Promise<void>)[]): Promise<void> {
  await CancellationScope.cancellable(async () => {
    const scope = CancellationScope.current()
    const failures: unknown[] = []
    await Promise.all(
      runs.map((run) =>
        run().catch((error: unknown) => {
          failures.push(error)
          scope.cancel()
        }),
      ),
    )
    if (failures.length > 0) throw failures.find((failure) => !isCancellation(failure)) ?? failures[0]
  })
}

/** For what follows a commit: what does not work is a warning of the operation, for the next one to mend. */
export async function orWarn({ of, code }: { of: OperationId; code: WarningCode }, what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    await control.addWarning({ operationId: of, warning: { code, message: `${what}: ${failureOf(error).message}` } })
  }
}
