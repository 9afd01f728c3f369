import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { z } from 'zod'
import type { Say } from './say.ts'

const preferred = { api: 4000, workerMetrics: 4001, postgres: 4002, temporal: 7233, temporalUi: 8233 }
const remembered = z.record(z.string(), z.number()).catch({})

export type Ports = Record<keyof typeof preferred, number>

/** A port was asked for by name and somebody has it already. */
class PortTaken extends Error {
  readonly code = 'port_taken'
}

/**
 * The ports of the stack on 127.0.0.1: those of the last run, remembered in the file at `path`, else the usual ones; where one is
 * taken, the next that is free. A given `apiPort` is used or refused.
 */
export async function choosePorts(path: string, apiPort: number | null, say: Say): Promise<Ports> {
  const last = remembered.parse(await readFile(path, 'utf8').then(JSON.parse).catch(() => ({})))
  const ports = { ...preferred }
  const taken = new Set<number>()
  const choose = async (name: keyof Ports) => {
    const wished = last[name] ?? preferred[name]
    const port = await freeFrom(wished, taken)
    if (port !== wished) say(`Port ${wished} is taken: ${name} goes to ${port}`)
    ports[name] = port
    taken.add(port)
  }
  if (apiPort === null) await choose('api')
  else if (await isFree(apiPort)) taken.add((ports.api = apiPort))
  else throw new PortTaken(`port ${apiPort} is taken: end who listens there, or set KEYSTONE_API_PORT to another`)
  for (const name of ['workerMetrics', 'postgres', 'temporal', 'temporalUi'] as const) await choose(name)
  await writeFile(path, `${JSON.stringify(ports)}\n`)
  return ports
}

/** The ports that the stack of the file at `path` has, as far as it was ever up. */
export const chosenPorts = async (path: string): Promise<Partial<Ports>> => remembered.parse(JSON.parse(await readFile(path, 'utf8')))

async function freeFrom(wished: number, taken: ReadonlySet<number>): Promise<number> {
  let port = wished
  while (taken.has(port) || !(await isFree(port))) port += 1
  return port
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
