import { type Client, WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client'
import { TypedSearchAttributes } from '@temporalio/common'
import { type OperationKind, workflowId } from '../../domain/operations.ts'
import { searchAttributes } from './search-attributes.ts'

export const taskQueue = 'keystone'

export interface WorkflowStart {
  kind: OperationKind
  operationId: string
  /** One line for people in the Web UI. */
  summary: string
  found: Partial<Record<keyof typeof searchAttributes, string>>
  /** Told to the workflow where it is so: its commit is still to be looked up. */
  followsBranch?: boolean
}

export type WorkflowState = 'running' | 'closed' | 'lost'

/** What Keystone asks of Temporal about a workflow. Errors are Temporal's own, where it does not answer. */
export interface Workflows {
  /** Starts the operation's workflow under its known id; one that was started already is not started again, and false says so. */
  start(start: WorkflowStart): Promise<boolean>
  /** Tells the workflow of the wish to cancel; false when there is none to tell. */
  cancel(id: string): Promise<boolean>
  terminate(id: string, reason: string): Promise<void>
  /** `closed`: it came to an end of its own and has written it. `lost`: it was terminated, timed out or is unknown. */
  state(id: string): Promise<WorkflowState>
}

export function createWorkflows(client: Client): Workflows {
  const { workflow } = client
  return {
    async start({ kind, operationId, summary, found, followsBranch = false }) {
      const options = {
        workflowId: workflowId(kind, operationId),
        taskQueue,
        args: [{ operationId, ...(followsBranch ? { followsBranch } : {}) }],
        workflowIdReusePolicy: 'REJECT_DUPLICATE' as const,
        staticSummary: summary,
        typedSearchAttributes: attributesOf({ ...found, kind }),
      }
      try {
        await workflow.start(kind, options)
        return true
      } catch (error) {
        if (error instanceof WorkflowExecutionAlreadyStartedError) return false
        throw error
      }
    },
    cancel: (id) => unlessGone(async () => void (await workflow.getHandle(id).cancel())),
    async terminate(id, reason) {
      await unlessGone(async () => void (await workflow.getHandle(id).terminate(reason)))
    },
    async state(id) {
      const described = await workflow.getHandle(id).describe().catch((error: unknown) => {
        if (error instanceof WorkflowNotFoundError) return null
        throw error
      })
      if (described?.status.name === 'RUNNING' || described?.status.name === 'CONTINUED_AS_NEW') return 'running'
      return described && ['COMPLETED', 'FAILED', 'CANCELLED'].includes(described.status.name) ? 'closed' : 'lost'
    },
  }
}

/** Temporal says "not found" of a workflow that it does not know and of one that has closed. */
async function unlessGone(call: () => Promise<void>): Promise<boolean> {
  try {
    await call()
    return true
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false
    throw error
  }
}

const attributesOf = (found: WorkflowStart['found']) =>
  new TypedSearchAttributes(
    Object.entries(searchAttributes).flatMap(([name, key]) => {
      const value = Object.entries(found).find(([given]) => given === name)?.[1]
      return value === undefined ? [] : [{ key, value }]
    }),
  )
