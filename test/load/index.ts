import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { z } from 'zod'
import { answerSchema, type Order } from './messages.ts'
import { loadOptionsSchema, type LoadReport } from './report.ts'

export type { LoadReport } from './report.ts'

/** A load that is under way in a process of its own. */
export interface Load {
  /** What is scheduled from now on belongs to the window of this name, which may come again. */
  mark(name: string): Promise<void>
  /** What has ended so far. */
  report(): Promise<LoadReport>
  /** Starts nothing more, waits for what is under way, and returns the whole. */
  stop(): Promise<LoadReport>
  /** Ends at once, whatever is under way; fine where it has ended already. */
  end(): Promise<void>
}

const root = new URL('../..', import.meta.url).pathname
const entry = new URL('process.ts', import.meta.url).pathname

/**
 * Begins an open-loop mixed load of a deployed sample application: keep-alive and fresh connections, 10 % POST, slow answers and
 * downloads on schedules of their own, pages with their assets, a websocket. The first window is named `start`.
 */
export async function startLoad(options: z.input<typeof loadOptionsSchema>): Promise<Load> {
  const child = fork(entry, { cwd: root, execArgv: ['--import', 'tsx'] })
  const ended = once(child, 'exit')
  const order = orders(child, ended)
  const end = async () => {
    if (child.connected) child.disconnect()
    await ended
  }
  await order({ order: 'start', options: loadOptionsSchema.parse(options) })
  return {
    mark: async (name) => void (await order({ order: 'mark', name })),
    report: () => order({ order: 'report' }),
    async stop() {
      const report = await order({ order: 'stop' })
      await end()
      return report
    },
    end,
  }
}

type Unnumbered<Numbered> = Numbered extends { id: number } ? Omit<Numbered, 'id'> : never

/** Orders to the child; each throws where the child ends before its answer, or has ended. */
function orders(child: ChildProcess, ended: Promise<unknown[]>) {
  const waiting = new Map<number, (report: LoadReport) => void>()
  let count = 0
  child.on('message', (message) => {
    const { id, report } = answerSchema.parse(message)
    waiting.get(id)?.(report)
    waiting.delete(id)
  })
  const lost = ended.then(([code, signal]) => {
    throw new Error(`the load's process ended with ${String(code ?? signal)}`)
  })
  lost.catch(() => {}) // told to whoever waits for an answer
  return (order: Unnumbered<Order>) => {
    const id = (count += 1)
    const answered = new Promise<LoadReport>((resolve) => waiting.set(id, resolve))
    if (child.connected) child.send({ ...order, id })
    return Promise.race([answered, lost])
  }
}
