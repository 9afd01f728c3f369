import { setTimeout as pause } from 'node:timers/promises'
import type { ScaleScene } from './scene.ts'

/** What the workers and the database have come to. */
export interface Readings {
  /** The most memory that each worker ever had resident, MiB. */
  peaksMb: number[]
  /** Of both workers since their start. */
  sqlQueries: number
  /** The most connections to Postgres that were seen at one moment. */
  connections: number
}

/** `stop` reads once more and ends it; it throws where a reading failed on the way. */
export interface Watch {
  readings(): Promise<Readings>
  stop(): Promise<Readings>
}

const everyMilliseconds = 1000

/** Reads every second, also what will be gone with a worker that is killed. */
export async function watch({ workers, database }: Pick<ScaleScene, 'workers' | 'database'>): Promise<Watch> {
  let connections = 0
  let isStopped = false
  const readings = async (): Promise<Readings> => {
    const [both, now] = await Promise.all([workers.readings(), database.connections()])
    connections = Math.max(connections, now)
    return { peaksMb: both.map(({ peakMb }) => Math.round(peakMb)), sqlQueries: both.reduce((sum, { sqlQueries }) => sum + sqlQueries, 0), connections }
  }
  const loop = async () => {
    while (!isStopped) {
      await readings()
      await pause(everyMilliseconds)
    }
  }
  const watching = loop()
  watching.catch(() => {}) // told by `stop`
  return {
    readings,
    async stop() {
      isStopped = true
      await watching
      return readings()
    },
  }
}
