import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { mkdtemp } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getRequestListener } from '@hono/node-server'
import type { TestApi } from '../api/test-api.ts'

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

export interface Running {
  ended: Promise<Ended>
  stdout(): string
  stderr(): string
  /** As Ctrl-C does. */
  interrupt(): void
}

export interface Asking {
  input?: string
  env?: Record<string, string>
}

/** The command as a user has it, in a process of its own with a home of its own. */
export interface Command {
  start(words: string | string[], asking?: Asking): Running
  /** To its end. */
  run(words: string | string[], asking?: Asking): Promise<Ended>
}

const root = new URL('../..', import.meta.url).pathname

export async function createCommand(): Promise<Command> {
  const home = await mkdtemp(join(tmpdir(), 'keystone-cli-'))
  const start: Command['start'] = (words, { input = '', env = {} } = {}) => {
    const { PATH = '' } = process.env
    const argv = ['--import', 'tsx', 'cli/keystone.ts', ...(typeof words === 'string' ? words.split(' ') : words)]
    const child = spawn(process.execPath, argv, { cwd: root, env: { PATH, HOME: home, ...env } })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (bytes: Buffer) => (stdout += bytes.toString()))
    child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()))
    child.stdin.end(input)
    return { stdout: () => stdout, stderr: () => stderr, interrupt: () => void child.kill('SIGINT'), ended: once(child, 'close').then(([code]) => ({ code, stdout, stderr })) }
  }
  return { start, run: (words, asking) => start(words, asking).ended }
}

export interface Served {
  url: string
  /** Cuts off whoever is connected. */
  cut(): void
  /** Does what the next change asks for, but loses its answer. */
  loseAnswer(): void
  close(): Promise<void>
}

/** The API over HTTP. */
export async function serve({ app }: TestApi): Promise<Served> {
  const listener = getRequestListener(app.fetch)
  let losesAnswer = false
  const server = createServer((request, response) => {
    if (losesAnswer && request.method === 'POST') {
      losesAnswer = false
      response.end = () => response.destroy()
    }
    return listener(request, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut: () => server.closeAllConnections(),
    loseAnswer() {
      losesAnswer = true
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
