import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { generateDeployKey } from '../../../drivers/sources/deploy-key.ts'
import type { OwnServer } from '../../../stack/demo/organisation.ts'
import type { Behaviour } from './behaviour.ts'
import { type Answer, answerSchema, type Order } from './messages.ts'
import type { WishedServer } from './server/ssh-server.ts'
import type { Tally } from './server/tally.ts'

/** Simulated servers in processes of their own. */
export interface Simulators {
  /** In the order of their names. */
  servers: readonly OwnServer[]
  /** Over all servers, so far. */
  tally(): Promise<Tally>
  close(): Promise<void>
}

const root = new URL('../../..', import.meta.url).pathname
const entry = new URL('process.ts', import.meta.url).pathname

const serversPerProcess = 50

/** Opens so many servers, `s001` and so on, all of which let one root key in. */
export async function openSimulators(count: number, behaviour: Behaviour): Promise<Simulators> {
  const rootKey = generateDeployKey('root')
  const wished = Array.from({ length: count }, (_, index) => wishedServer(index + 1, rootKey.publicKey))
  const processes = Array.from({ length: Math.ceil(count / serversPerProcess) }, (_, index) => {
    const own = wished.slice(index * serversPerProcess, (index + 1) * serversPerProcess)
    return openProcess({ order: 'open', behaviour, servers: own })
  })
  const opened = (await Promise.all(processes.map(({ answer }) => answer))).flatMap(({ servers }) => servers)
  const addresses = new Map(wished.map(({ name, privateAddress }) => [name, privateAddress]))
  return {
    servers: opened.map(({ name, port, hostKey }) => ({
      ...{ name, address: '127.0.0.1', sshPort: port, privateAddress: addresses.get(name) ?? '', hostKey },
      rootKey: rootKey.privateKey.reveal(),
    })),
    tally: async () => (await Promise.all(processes.map(({ report }) => report()))).reduce(sum),
    async close() {
      await Promise.all(processes.map(({ end }) => end()))
    },
  }
}

const wishedServer = (number: number, rootPublicKey: string): WishedServer => ({
  ...{ number, name: `s${String(number).padStart(3, '0')}`, rootPublicKey },
  privateAddress: `10.77.${Math.floor(number / 250)}.${(number % 250) + 2}`,
})

function openProcess(order: Order) {
  const child = fork(entry, { cwd: root, execArgv: ['--import', 'tsx'] })
  const ended = once(child, 'exit')
  return {
    answer: ordered(child, ended, order),
    report: async () => (await ordered(child, ended, { order: 'report' })).tally,
    async end() {
      if (child.connected) child.disconnect()
      await ended
    },
  }
}

/** One order at a time. Throws where the process ends before its answer. */
async function ordered(child: ChildProcess, ended: Promise<unknown[]>, order: Order): Promise<Answer> {
  const answered = once(child, 'message')
  const lost = ended.then(([code, signal]) => {
    throw new Error(`a process of simulated servers ended with ${String(code ?? signal)}`)
  })
  child.send(order)
  const [answer] = await Promise.race([answered, lost])
  return answerSchema.parse(answer)
}

const sum = (one: Tally, other: Tally): Tally => ({
  connections: one.connections + other.connections,
  steps: one.steps + other.steps,
  reattached: one.reattached + other.reattached,
  refused: one.refused + other.refused,
  dropped: one.dropped + other.dropped,
  violations: [...one.violations, ...other.violations],
})
