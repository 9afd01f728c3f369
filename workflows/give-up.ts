import type { ConvergenceInput } from '../activities/convergence.ts'
import type { PlannedEnding } from '../activities/endings.ts'
import type { ServerId } from '../domain/ids.ts'
import { failureOf, together } from './operation.ts'
import { control, knock } from './proxies.ts'

/**
 * A forced removal goes on without servers that do not answer: what it has there counts as gone, and people are told. Answers these
 * servers; none where nobody is to be asked.
 */
export async function giveUpSilent(work: ConvergenceInput, asked: NonNullable<PlannedEnding['asked']>): Promise<ReadonlySet<ServerId>> {
  const silent = new Set<ServerId>()
  if (asked.length === 0) return silent
  await together(asked, async ({ serverId, serverName }) => {
    const question = { operationId: work.operationId, serverId }
    await knock.askServer.executeWithOptions({ summary: `ask whether ${serverName} answers` }, [question]).catch((error: unknown) => {
      // Only a server can be given up: that of the database, or of the worker, is waited for.
      if (!failureOf(error).code.startsWith('ssh_')) throw error
      silent.add(serverId)
    })
  })
  await control.giveUpServers({ ...work, serverIds: [...silent].toSorted() })
  return silent
}
