import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { temporal as proto } from '@temporalio/proto'
import type { OperationTree } from '../../stack/demo/operation.ts'
import type { TestKeystone } from './keystone.ts'

const { History } = proto.api.history.v1

type WithTemporal = Pick<TestKeystone, 'temporal'>

/** Every workflow's history as JSON, by workflow id; bytes are base64 in it. `History.fromObject` reads it again. */
export async function histories(keystone: WithTemporal): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for await (const { workflowId } of keystone.temporal.client.workflow.list()) {
    found[workflowId] = await historyOf(keystone, workflowId)
  }
  return found
}

async function historyOf({ temporal: { client } }: WithTemporal, workflowId: string): Promise<string> {
  const history = await client.workflow.getHandle(workflowId).fetchHistory()
  return JSON.stringify(History.toObject(History.fromObject(history), { bytes: String, longs: String, enums: String }))
}

const folder = join(import.meta.dirname, '..', '..', 'test-results', 'histories')

/** Leaves the histories of an operation and its parts in test-results; those in test/histories are chosen from there. */
export async function recordHistories(keystone: WithTemporal, name: string, tree: OperationTree): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const [index, { kind, temporal }] of startedOf(tree).entries()) {
    await writeFile(join(folder, `${name}-${index}-${kind}.json.gz`), gzipSync(await historyOf(keystone, temporal.workflowId)))
  }
}

/** The same for recoveries, which are operations of their own. */
export async function recordRecoveries(keystone: WithTemporal): Promise<void> {
  await mkdir(folder, { recursive: true })
  let index = 0
  for await (const { workflowId } of keystone.temporal.client.workflow.list({ query: 'WorkflowType = "operation_recover"' })) {
    const history = await historyOf(keystone, workflowId)
    await writeFile(join(folder, `recovered-${index++}-operation_recover.json.gz`), gzipSync(history))
  }
}

const startedOf = (tree: OperationTree): OperationTree[] =>
  tree.startedAt === null ? [] : [tree, ...tree.children.flatMap(startedOf)]
