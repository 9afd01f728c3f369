import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common'

/** What operations can be found by in the Temporal Web UI (design section 4). */
export const searchAttributes = {
  organisation: defineSearchAttributeKey('KeystoneOrganisation', SearchAttributeType.KEYWORD),
  environment: defineSearchAttributeKey('KeystoneEnvironment', SearchAttributeType.KEYWORD),
  server: defineSearchAttributeKey('KeystoneServer', SearchAttributeType.KEYWORD),
  kind: defineSearchAttributeKey('KeystoneKind', SearchAttributeType.KEYWORD),
  commit: defineSearchAttributeKey('KeystoneCommit', SearchAttributeType.KEYWORD),
} as const
