import { workflowInfo } from '@temporalio/workflow'
import { onEachServer, type Round } from './each-server.ts'
import { observer } from './proxies.ts'

/**
 * Looks at every server: how it is, and what differs there from what the database says. It changes nothing on any of them and is no
 * operation. A Temporal Schedule starts it.
 */
export async function server_watch(): Promise<Round> {
  const { runId } = workflowInfo()
  return onEachServer(async (server) => {
    const seen = await observer.observeServer.executeWithOptions({ summary: `look at ${server.name}` }, [{ server, runId }])
    return seen.said
  })
}
