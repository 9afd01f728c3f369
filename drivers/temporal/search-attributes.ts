import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common'
import { searchAttributeNames as names } from '../../domain/operations.ts'

const keyword = (name: string) => defineSearchAttributeKey(name, SearchAttributeType.KEYWORD)

/** The typed keys of `searchAttributeNames`. */
export const searchAttributes = {
  organisation: keyword(names.organisation),
  environment: keyword(names.environment),
  server: keyword(names.server),
  kind: keyword(names.kind),
  commit: keyword(names.commit),
} as const
