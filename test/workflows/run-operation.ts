import { ApplicationFailure } from '@temporalio/common'
import type { Ending } from '../../db/operations/finish.ts'
import { workflowRunner } from './run-workflow.ts'

/** What activities do in a test, by name. */
export type Activities = Record<string, (input: never) => Promise<unknown>>

/** What an operation's workflow asked for, in this order, and how it ended. */
interface OperationRun {
  asked: string[]
  ending: Ending | undefined
}

interface Naming {
  /** Where the operation has children, whose workflows nobody starts twice, one that no other run has. */
  operationId?: string
  /** As what it is noted that an activity was asked for; by default its name. */
  noteOf?: (name: string, input: never) => string
  /** What the workflow is given beside its operation. */
  beside?: object
}

export type RunOperation = (workflow: string, activities: Activities, naming?: Naming) => Promise<OperationRun>

/** For the tests of one file: runs the workflow of an operation with these activities, beside those by which each one begins and ends. */
export function operationRunner(): RunOperation {
  const runWorkflow = workflowRunner()
  return async (workflow, activities, { operationId = 'operation', noteOf = (name: string) => name, beside = {} } = {}) => {
    const asked: string[] = []
    const endings: Ending[] = []
    const noted = Object.entries(activities).map(([name, activity]) => [
      name,
      async (input: never) => {
        asked.push(noteOf(name, input))
        return activity(input)
      },
    ])
    const frame = {
      begin: async () => true,
      async finish({ operationId: ended, ending }: { operationId: string; ending: Ending }) {
        if (ended === operationId) endings.push(ending)
      },
    }
    await runWorkflow(workflow, { ...frame, ...Object.fromEntries(noted) }, operationId, beside)
    return { asked, ending: endings[0] }
  }
}

/** What an activity throws that has failed for good. */
export const failure = (code: string, details: object = {}) =>
  ApplicationFailure.create({ type: code, message: code, nonRetryable: true, details: [{ code, message: code, ...details }] })

export const on = { serverId: 'server', serverName: 's1' }

/** Leftovers of an operation that has left nothing. */
export const nothing = { environmentId: null, servers: [], gateways: [], replicas: [], artifacts: [] }
