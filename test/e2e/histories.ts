import { temporal as proto } from '@temporalio/proto'
import type { TestKeystone } from './keystone.ts'

const { History } = proto.api.history.v1

/** Every workflow's history as JSON, by workflow id; bytes are base64 in it. `History.fromObject` reads it again. */
export async function histories({ temporal: { client } }: Pick<TestKeystone, 'temporal'>): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for await (const { workflowId } of client.workflow.list()) {
    const history = await client.workflow.getHandle(workflowId).fetchHistory()
    found[workflowId] = JSON.stringify(History.toObject(History.fromObject(history), { bytes: String, longs: String, enums: String }))
  }
  return found
}
