import { activityInfo } from '@temporalio/activity'
import { idOf } from '../db/ids.ts'
import { beginOperation, operationById } from '../db/operations/begin.ts'
import { operationTree } from '../db/operations/children.ts'
import { type Ending, finishOperation, warn } from '../db/operations/finish.ts'
import type { OperationId } from '../domain/ids.ts'
import { type Failure, hasEnded, workflowId } from '../domain/operations.ts'
import type { ActivityDeps } from './deps.ts'

export interface OperationInput {
  operationId: OperationId
}

/** The life of an operation's row (design section 4). */
export function operationActivities({ db, terminateWorkflow }: ActivityDeps) {
  return {
    /** False: the row belongs to another run or has ended, and the workflow must do nothing. */
    async begin({ operationId }: OperationInput): Promise<boolean> {
      const { workflowExecution } = activityInfo()
      if (!workflowExecution) throw new Error('an operation is begun by its workflow')
      return (await beginOperation(db, operationId, workflowExecution.runId)) !== null
    },

    async finish({ operationId, ending }: OperationInput & { ending: Ending }): Promise<void> {
      await finishOperation(db, operationId, ending)
    },

    async addWarning({ operationId, warning }: OperationInput & { warning: string }): Promise<void> {
      await warn(db, operationId, warning)
    },

    /** The operation that a recovery is for. Its children's workflows are ended, so that nobody else works on it any more. */
    async takeOver({ operationId }: OperationInput): Promise<{ lostId: OperationId; isDeploy: boolean }> {
      const { targetId } = await operationById(db, operationId)
      const lost = await operationById(db, idOf(targetId))
      const tree = await operationTree(db, lost.id)
      for (const child of tree.filter(({ id, status }) => id !== lost.id && !hasEnded(status))) {
        await terminateWorkflow(workflowId(child.kind, child.id), `its parent was lost and is being recovered by ${operationId}`)
      }
      return { lostId: lost.id, isDeploy: lost.kind === 'environment_deploy' }
    },

    /** The end of an operation that a recovery has brought to one. */
    async finishLost({ operationId, isCommitted }: OperationInput & { isCommitted: boolean }): Promise<void> {
      const ending = isCommitted ? ({ status: 'succeeded', outcome: 'recovered' } as const) : ({ status: 'failed', failure: lost } as const)
      await finishOperation(db, operationId, ending, ['recovering'])
    },
  }
}

const lost: Failure = {
  code: 'workflow_lost',
  message: 'The workflow was terminated, timed out or lost before the operation was complete. What it had begun was taken back.',
  hint: 'Start the operation again.',
}
