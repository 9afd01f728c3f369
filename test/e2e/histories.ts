import { historyToJSON } from '@temporalio/common/lib/proto-utils.js'
import type { TestKeystone } from './keystone.ts'

/** Every workflow's history in Temporal's JSON, by workflow id: as `temporal workflow show --output json` prints it. */
export async function histories({ temporal: { client } }: Pick<TestKeystone, 'temporal'>): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for await (const { workflowId } of client.workflow.list()) {
    found[workflowId] = historyToJSON(await client.workflow.getHandle(workflowId).fetchHistory())
  }
  return found
}
