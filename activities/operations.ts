import { activityInfo } from '@temporalio/activity'
import { idOf } from '../db/ids.ts'
import { beginOperation, operationById } from '../db/operations/begin.ts'
import { operationTree } from '../db/operations/children.ts'
import { type Ending, finishOperation, warn } from '../db/operations/finish.ts'
import type { OperationId } from '../domain/ids.ts'
import { type Failure, hasEnded, isRollout, type OperationKind, workflowId } from '../domain/operations.ts'
import type { StoredWarning } from '../domain/warnings.ts'
import type { ActivityDeps } from './deps.ts'

/** What every workflow and most activities are given: whose work it is. */
export interface OperationInput {
  operationId: OperationId
}

/** What a recovery goes on with. */
interface TakenOver {
  lostId: OperationId
  isRollout: boolean
  kind?: OperationKind
  /** It had ended before, and only could not be brought in line. */
  hasEnded?: boolean
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

    /** Ends the operation and admits what waited for it; nothing where it has ended, or its recovery has taken it over. */
    async finish({ operationId, ending }: OperationInput & { ending: Ending }): Promise<void> {
      await finishOperation(db, operationId, ending)
    },

    /** Adds a warning for people; the same words are kept once. */
    async addWarning({ operationId, warning }: OperationInput & { warning: StoredWarning }): Promise<void> {
      await warn(db, operationId, warning)
    },

    /** The operation that a recovery is for, with what histories of before do not have. Its children's workflows are ended, so that nobody else works on it any more. */
    async takeOver({ operationId }: OperationInput): Promise<TakenOver> {
      const { targetId } = await operationById(db, operationId)
      const { id: lostId, kind: lostKind, plan, status: found } = await operationById(db, idOf(targetId))
      const tree = await operationTree(db, lostId)
      for (const { id, kind } of tree.filter((one) => one.id !== lostId && !hasEnded(one.status))) {
        await terminateWorkflow(workflowId(kind, id), `its parent was lost and is being recovered by ${operationId}`)
      }
      return { lostId, isRollout: isRollout(lostKind) || plan !== null, kind: lostKind, hasEnded: hasEnded(found) }
    },

    /** The end of an operation that a recovery has brought to one; `failure` says why it could not be completed. */
    async finishLost({ operationId, isCommitted, failure }: OperationInput & { isCommitted: boolean; failure?: Failure }): Promise<void> {
      const { kind } = await operationById(db, operationId)
      const ending = failure ? { status: 'failed' as const, failure } : isCommitted ? recovered : lost(kind)
      await finishOperation(db, operationId, ending, ['recovering'])
    },
  }
}

const recovered: Ending = { status: 'succeeded', outcome: 'recovered' }

const loss = 'The workflow was terminated, timed out or lost before the operation was complete.'

function lost(kind: OperationKind): Ending {
  if (kind === 'command_run') return { status: 'failed', failure: commandLost }
  const rest = kind === 'migration_run' ? 'Its command was ended; what it has done to the database stays.' : 'What it had begun was taken back.'
  return { status: 'failed', failure: { code: 'workflow_lost', message: `${loss} ${rest}`, hint: 'Start the operation again.' } }
}

/** Only who has given a command knows whether it may run again. */
const commandLost: Failure = {
  code: 'outcome_unknown',
  message: `${loss} Its command was ended, and nobody knows how far it came.`,
  hint: 'Look at its log and its effects before you run it again.',
}
