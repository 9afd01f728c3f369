import { type ChildProcess, spawn } from 'node:child_process'
import { appendFile, chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import ssh2 from 'ssh2'
import { generateDeployKey } from '../../drivers/sources/deploy-key.ts'

/** A container of the test's server. */
export interface Logging {
  id: string
  serviceId: string
  replicaId: string
  isScheduler?: boolean
}

/** A server of the test's own on 127.0.0.1: SSH in front of a shell on this machine, where a stand-in for Docker has logs to tell. */
export interface LogServer {
  port: number
  /** The key line that it shows. */
  hostKey: string
  /** Lets nobody in but who has this key. */
  letIn(publicKey: string): void
  /** Puts a container there that has written these lines, each with its time before it; `err` are those of standard error. */
  has(container: Logging, lines: readonly string[], err?: readonly string[]): Promise<void>
  /** Has a container write a line from now on, which only who follows it sees. */
  writes(id: string, line: string): Promise<void>
  /** Starts a container while others are followed. */
  starts(container: Logging): Promise<void>
  /** Arguments of each `docker logs` so far. */
  asked(): Promise<string[]>
  /** Breaks all connections. */
  cut(): void
  /** Commands that run at the moment. */
  running(): number
  close(): Promise<void>
}

const docker = `#!/bin/bash
cd "$(dirname "$0")"
id=\${!#}
tail=(-n +1)
[[ " $* " =~ " --tail "([0-9]+) ]] && tail=(-n "\${BASH_REMATCH[1]}")
case $1 in
  ps) cat containers ;;
  events) exec tail -n +1 -F events ;;
  inspect) echo 2026-01-01T00:00:00Z ;;
  logs)
    echo "$*" >>asked
    [[ " $* " != *" --follow "* ]] || exec tail -n +1 -F "$id.next"
    tail "\${tail[@]}" "$id.out"
    tail "\${tail[@]}" "$id.err" >&2
    ;;
esac
`

export async function openLogServer(): Promise<LogServer> {
  const folder = await mkdtemp(join(tmpdir(), 'keystone-logs-'))
  const at = (name: string) => join(folder, name)
  await writeFile(at('docker'), docker)
  await chmod(at('docker'), 0o755)
  await Promise.all(['containers', 'events', 'asked'].map((name) => writeFile(at(name), '')))
  const pair = generateDeployKey('log server')
  const running = new Set<ChildProcess>()
  const clients = new Set<ssh2.Connection>()
  let key: Buffer | null = null
  const server = new ssh2.Server({ hostKeys: [pair.privateKey.reveal()] }, (client) => {
    clients.add(client)
    client.on('error', () => {})
    client.on('close', () => clients.delete(client))
    client.on('authentication', (attempt) => {
      if (attempt.method === 'publickey' && attempt.username === 'keystone' && key?.equals(attempt.key.data)) attempt.accept()
      else attempt.reject(['publickey'])
    })
    client.on('session', (accept) => accept().on('exec', (acceptExec, _reject, { command }) => serve(acceptExec(), command)))
  })
  /** As sshd does: a session of its own, whose standard input ends with the channel. */
  const serve = (channel: ssh2.ServerChannel, command: string) => {
    const env = { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` }
    const shell = spawn('bash', ['-c', command], { env, detached: true })
    running.add(shell)
    channel.pipe(shell.stdin)
    channel.on('close', () => shell.stdin.end())
    shell.stdin.on('error', () => {})
    shell.stdout.pipe(channel, { end: false })
    shell.stderr.pipe(channel.stderr, { end: false })
    shell.on('close', (code, signal) => {
      running.delete(shell)
      if (signal) channel.exit(signal)
      else channel.exit(code ?? 1)
      channel.end()
    })
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const row = ({ id, serviceId, replicaId, isScheduler = false }: Logging, ...more: string[]) =>
    `${[id, ...more, 'False', serviceId, replicaId, isScheduler ? 'yes' : ''].join(',')}\n`
  const files = (id: string, lines: readonly string[], err: readonly string[]) =>
    Promise.all([['out', lines] as const, ['err', err] as const, ['next', []] as const].map(([name, all]) => writeFile(at(`${id}.${name}`), all.map((line) => `${line}\n`).join(''))))
  return {
    port: (server.address() as AddressInfo).port,
    hostKey: pair.publicKey.trim().split(' ').slice(0, 2).join(' '),
    letIn(publicKey) {
      key = Buffer.from(publicKey.split(' ')[1]!, 'base64')
    },
    async has(container, lines, err = []) {
      await files(container.id, lines, err)
      await appendFile(at('containers'), row(container))
    },
    writes: (id, line) => appendFile(at(`${id}.next`), `${line}\n`),
    async starts(container) {
      await files(container.id, [], [])
      await appendFile(at('events'), row(container, String(Date.now() * 1e6)))
    },
    asked: async () => (await readFile(at('asked'), 'utf8')).split('\n').filter(Boolean),
    cut() {
      for (const client of clients) client.end()
    },
    running: () => running.size,
    async close() {
      for (const client of clients) client.end()
      server.close()
      await Promise.all([...running].map((shell) => once(shell, 'close')))
      await rm(folder, { recursive: true })
    },
  }
}
