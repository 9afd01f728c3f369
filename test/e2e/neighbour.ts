import { startLoad } from '../load/index.ts'
import { failuresIn } from '../load/noticed.ts'
import type { Sample, Scene } from './scene.ts'

/** Another environment on the same server, whose users and sockets live through whatever happens to the first. */
export interface Neighbour {
  sample: Sample
  /** What fails from now on is told under this name. */
  mark(name: string): Promise<void>
  /** Whatever its users could notice, a line each. */
  stop(): Promise<string[]>
  /** Fine where it has stopped already. */
  end(): Promise<void>
}

const websocket = { command: 'php artisan socket:serve', port: 8080 }

/** Deploys it, with a websocket service and a worker beside its web process, and lets its few users begin. */
export async function openNeighbour(scene: Scene): Promise<Neighbour> {
  const sample = await scene.sample('sockets', { web: { embeddedWorker: true, drainWindowSeconds: 120 } })
  await scene.organisation.addService(sample.environmentId, { name: 'websocket', role: 'websocket', config: { websocket, drainWindowSeconds: 15 } })
  const { status, failure } = await scene.deployed('a neighbour with sockets', sample)
  if (status !== 'succeeded') throw new Error(`the neighbour's deploy ended ${status}: ${JSON.stringify(failure)}`)
  const load = await startLoad({
    ...{ address: scene.server.address, domain: sample.domain, websocketDomain: sample.domain },
    ...{ requestsPerSecond: 2, slowEverySeconds: 30, downloadEverySeconds: 60, longJobEverySeconds: 60, timeoutSeconds: 120 },
  })
  return {
    sample,
    mark: (name) => load.mark(name),
    stop: async () => failuresIn(await load.stop(), ['websocket']),
    end: () => load.end(),
  }
}
