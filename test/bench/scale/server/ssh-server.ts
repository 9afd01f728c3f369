import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import ssh2 from 'ssh2'
import type { AuthContext, Connection } from 'ssh2'
import { generateDeployKey } from '../../../../drivers/sources/deploy-key.ts'
import type { Behaviour } from '../behaviour.ts'
import { newMachine } from './machine.ts'
import { type Chances, createChances } from './random.ts'
import { type Host, serveCommand } from './session.ts'
import type { Tally } from './tally.ts'

/** A server that is to be simulated; `number` tells its choices from those of others. */
export interface WishedServer {
  number: number
  name: string
  privateAddress: string
  /** Root's, `ssh-ed25519 AAAA…`. */
  rootPublicKey: string
}

/** A simulated server that listens on 127.0.0.1. */
export interface SimulatedServer {
  port: number
  /** The key line that it shows. */
  hostKey: string
  close(): Promise<void>
}

/** Where its choices and its counts are. */
interface Surroundings {
  behaviour: Behaviour
  tally: Tally
  /** What scripts print before anything else, by the name of their step. */
  prints?: Readonly<Record<string, string>>
}

/** Opens an SSH server that answers Keystone's steps, as slowly and unreliably as it is told; its state outlives all connections. */
export async function openSimulatedServer(wished: WishedServer, { behaviour, tally, prints = {} }: Surroundings): Promise<SimulatedServer> {
  const { number, name, privateAddress, rootPublicKey } = wished
  const pair = generateDeployKey(name)
  const chances = createChances(behaviour.seed, number)
  const host: Host = {
    machine: newMachine(name, privateAddress, blobOf(rootPublicKey)),
    steps: new Map(),
    tally,
    prints,
    stepMilliseconds: () => chances.between(behaviour.stepMilliseconds),
  }
  const sockets = new Set<Socket>()
  const listener = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).once('close', () => sockets.delete(socket))
    void receive({ socket, host, chances, behaviour, hostKey: pair.privateKey.reveal() })
  })
  await once(listener.listen(0, '127.0.0.1'), 'listening')
  const { port } = listener.address() as AddressInfo
  return {
    port,
    hostKey: pair.publicKey.split(' ').slice(0, 2).join(' '),
    async close() {
      listener.close()
      for (const socket of sockets) socket.destroy()
      await once(listener, 'close')
    },
  }
}

const blobOf = (publicKey: string): Buffer => Buffer.from(publicKey.split(' ')[1] ?? '', 'base64')

interface Reception {
  socket: Socket
  host: Host
  chances: Chances
  behaviour: Behaviour
  hostKey: string
}

/** A server of ssh2's own for each socket, so that the socket behind a session can be cut off. */
async function receive(reception: Reception): Promise<void> {
  const { socket, host, chances, behaviour, hostKey } = reception
  host.tally.connections += 1
  await pause(chances.between(behaviour.latencyMilliseconds))
  if (chances.happens(behaviour.refusedShare)) {
    host.tally.refused += 1
    socket.destroy()
    return
  }
  new ssh2.Server({ hostKeys: [hostKey] }, (client) => serve(client, reception)).injectSocket(socket)
}

function serve(client: Connection, reception: Reception): void {
  const { host, chances, behaviour } = reception
  let login = ''
  client.on('error', () => {})
  client.on('authentication', (attempt) => {
    login = attempt.username
    if (isLetIn(attempt, host.machine.keys.get(login))) attempt.accept()
    else attempt.reject(['publickey'])
  })
  client.on('session', (accept) => {
    accept().on('exec', async (acceptCommand, _reject, { command: commandLine }) => {
      const channel = acceptCommand()
      channel.on('error', () => {})
      if (chances.happens(behaviour.droppedShare)) void breakOff(reception)
      await pause(chances.between(behaviour.latencyMilliseconds))
      await serveCommand(host, channel, { login, commandLine })
    })
  })
}

/** Some time later, when steps are under way over it, the connection is gone. */
async function breakOff({ socket, host, chances, behaviour }: Reception): Promise<void> {
  await pause(chances.between({ least: 0, most: behaviour.stepMilliseconds.most }))
  if (socket.destroyed) return
  host.tally.dropped += 1
  socket.destroy()
}

/** First a client only asks whether its key would do (RFC 4252, section 7), then it signs. */
function isLetIn(attempt: AuthContext, known: Buffer | undefined): boolean {
  if (attempt.method !== 'publickey' || !known?.equals(attempt.key.data)) return false
  const { signature, blob, hashAlgo } = attempt
  if (!signature || !blob) return true
  const key = ssh2.utils.parseKey(attempt.key.data)
  return !(key instanceof Error) && key.verify(blob, signature, hashAlgo) === true
}
