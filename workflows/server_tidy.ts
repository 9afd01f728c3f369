import { onEachServer, type Round } from './each-server.ts'
import { tidier } from './proxies.ts'

/** Removes from every server what no deploy comes by any more and nobody can need; it is no operation. A Temporal Schedule starts it. */
export async function server_tidy(): Promise<Round> {
  return onEachServer(async (server) => {
    const { removed } = await tidier.tidyServer.executeWithOptions({ summary: `tidy up ${server.name}` }, [{ server }])
    return removed.map((line) => `${server.name}: ${line}`)
  })
}
