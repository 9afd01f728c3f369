import type { Client } from '@temporalio/client'

/** The longest history that any workflow has. */
export interface LongestHistory {
  workflowId: string
  events: number
}

/** Over all workflows that have ended. */
export async function longestHistory(client: Client): Promise<LongestHistory> {
  let longest: LongestHistory = { workflowId: '', events: 0 }
  for await (const { workflowId, historyLength } of client.workflow.list()) {
    if (historyLength > longest.events) longest = { workflowId, events: historyLength }
  }
  return longest
}
