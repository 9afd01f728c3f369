import type { Database } from '../db/connect.ts'
import { readLogs } from '../db/operation-logs.ts'
import { type OperationTree, operationTree, type StepView } from '../db/operation-views.ts'
import type { Operation } from '../db/operations/request.ts'
import { logStart } from '../domain/log-cursor.ts'

/** Output as text for a terminal, as far as it is there, in order of arrival; a line names the step where it changes. */
export async function* logText(db: Database, operation: Operation): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder()
  const titles = new Map(stepsBelow(await operationTree(db, operation)).map((step) => [step.id, title(step)]))
  let cursor = logStart
  let current = ''
  for (let hasMore = true; hasMore; ) {
    const page = await readLogs(db, operation.id, cursor)
    for (const { stepId, text } of page.chunks) {
      const heading = stepId === current ? '' : `==> ${titles.get(stepId) ?? stepId} <==\n`
      current = stepId
      yield encoder.encode(`${heading}${text}`)
    }
    cursor = page.cursor
    hasMore = page.hasMore
  }
}

const stepsBelow = ({ steps, children }: OperationTree): StepView[] => [...steps, ...children.flatMap(stepsBelow)]

const title = ({ name, server }: StepView): string => (server ? `${name} on ${server.name}` : name)
