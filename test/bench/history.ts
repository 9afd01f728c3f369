import type { Client } from '@temporalio/client'
import type { OperationTree } from '../../stack/demo/operation.ts'

/** What the workflows of one operation came to. */
export interface HistoryCounts {
  events: number
  /** Those that the server knows of; local activities are markers. */
  activities: number
  localActivities: number
  workflowTasks: number
}

/** Counts over the histories of an operation and all its parts. */
export type HistoryReader = (tree: OperationTree) => Promise<HistoryCounts>

export function historyReader(client: Client): HistoryReader {
  return async function count(tree: OperationTree): Promise<HistoryCounts> {
    if (tree.startedAt === null) return { events: 0, activities: 0, localActivities: 0, workflowTasks: 0 }
    const { events } = await client.workflow.getHandle(tree.temporal.workflowId).fetchHistory()
    const all = events ?? []
    const having = (attributes: keyof (typeof all)[number]) => all.filter((event) => event[attributes]).length
    const own = {
      events: all.length,
      activities: having('activityTaskScheduledEventAttributes'),
      localActivities: having('markerRecordedEventAttributes'),
      workflowTasks: having('workflowTaskCompletedEventAttributes'),
    }
    const below = await Promise.all(tree.children.map(count))
    return below.reduce(
      (sum, each) => ({
        events: sum.events + each.events,
        activities: sum.activities + each.activities,
        localActivities: sum.localActivities + each.localActivities,
        workflowTasks: sum.workflowTasks + each.workflowTasks,
      }),
      own,
    )
  }
}
