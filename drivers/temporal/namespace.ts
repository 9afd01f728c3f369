import type { Connection } from '@temporalio/client'
import { isGrpcServiceError } from '@temporalio/client'
import { msToTs } from '@temporalio/common/lib/time.js'
import { searchAttributes } from './search-attributes.ts'

const retention = msToTs('30 days')
const alreadyExists = 6
/** `INDEXED_VALUE_TYPE_KEYWORD` of Temporal's API. */
const keyword = 2

/** Histories are kept for 30 days, and operations can be found by their search attributes; repeating it changes nothing. */
export async function prepareNamespace(connection: Connection, namespace: string): Promise<void> {
  await connection.workflowService.updateNamespace({ namespace, config: { workflowExecutionRetentionTtl: retention } })
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace })
  const missing = Object.values(searchAttributes).filter(({ name }) => !(name in customAttributes))
  if (missing.length === 0) return
  const added = Object.fromEntries(missing.map(({ name }) => [name, keyword]))
  await connection.operatorService.addSearchAttributes({ namespace, searchAttributes: added }).catch((error: unknown) => {
    if (!isGrpcServiceError(error) || Number(error.code) !== alreadyExists) throw error
  })
}
