import { isCancellation } from '@temporalio/workflow'
import { failureOf, together } from './operation.ts'
import { control } from './proxies.ts'

type Server = Awaited<ReturnType<typeof control.planWatch>>['servers'][number]

/** What came of a round over all servers; read in the Temporal Web UI. */
export interface Round {
  servers: number
  /** A line for each thing that is worth one, and for each server that could not be worked with. */
  said: string[]
}

/** Does something on every server, whatever the others are like; `work` answers its lines. */
export async function onEachServer(work: (server: Server) => Promise<readonly string[]>): Promise<Round> {
  const said: string[] = []
  const { servers } = await control.planWatch()
  await together(servers, async (server) => {
    try {
      said.push(...(await work(server)))
    } catch (error) {
      if (isCancellation(error)) throw error
      said.push(`${server.name}: ${failureOf(error).message}`)
    }
  })
  return { servers: servers.length, said }
}
