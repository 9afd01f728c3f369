import { upsertSearchAttributes } from '@temporalio/workflow'
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common'
import type { OperationInput } from '../activities/operations.ts'
import { searchAttributeNames } from '../domain/operations.ts'
import { provider, remote } from './proxies.ts'

const commitAttribute = defineSearchAttributeKey(searchAttributeNames.commit, SearchAttributeType.KEYWORD)

/** Has a deployment that a push has caused be one of what its branch is at now. Answers as what it ends where it is not wanted; null where it is. */
export async function followHead({ operationId }: OperationInput): Promise<string | null> {
  const { commit, comparison } = await provider.resolveHead.executeWithOptions({ summary: 'look up the head of the branch' }, [{ operationId }])
  upsertSearchAttributes([{ key: commitAttribute, value: commit }])
  if (comparison === null) return null
  const { serverId, serverName } = comparison
  const verdict = await remote.compareHead.executeWithOptions({ summary: `compare head on ${serverName}` }, [{ operationId, serverId }])
  return verdict === 'wanted' ? null : verdict
}
