import { isCancellation, workflowInfo } from '@temporalio/workflow'
import { failureOf, together } from './operation.ts'
import { control, observer } from './proxies.ts'

/** What a round came to; read in the Temporal Web UI. */
export interface ServerWatch {
  servers: number
  /** A line for each thing that is not as it should be. */
  said: string[]
}

/**
 * Looks at every server: how it is, and what differs there from what the database says. It changes nothing on any of them and is no
 * operation. A Temporal Schedule starts it.
 */
export async function server_watch(): Promise<ServerWatch> {
  const said: string[] = []
  const { runId } = workflowInfo()
  const { servers } = await control.planWatch()
  await together(servers, async (server) => {
    try {
      const seen = await observer.observeServer.executeWithOptions({ summary: `look at ${server.name}` }, [{ server, runId }])
      said.push(...seen.said)
    } catch (error) {
      if (isCancellation(error)) throw error
      said.push(`${server.name}: ${failureOf(error).message}`)
    }
  })
  return { servers: servers.length, said }
}
