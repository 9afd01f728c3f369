import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { isAlive, type ProcessIdentity } from '../../stack/process-identity.ts'

/** `node start.mjs start` on a data folder, and what it says. */
export interface StackProcess {
  process: ChildProcess
  said: string[]
  /** The first line with this text, said already or to come. Throws when the stack ends without having said it. */
  line(text: string): Promise<string>
  /** Its exit code. */
  ended: Promise<number | null>
}

export function startStack(dataDir: string): StackProcess {
  const child = spawn(process.execPath, ['start.mjs', 'start'], {
    env: { ...process.env, KEYSTONE_DATA_DIR: dataDir },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said: string[] = []
  const waiting = new Set<() => void>()
  const wake = () => waiting.forEach((look) => look())
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream).on('line', (line) => {
      said.push(line)
      wake()
    })
  }
  let hasEnded = false
  const ended = once(child, 'close').then(([code]) => {
    hasEnded = true
    wake()
    return code as number | null
  })
  const line = (text: string) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        const found = said.find((each) => each.includes(text))
        if (found !== undefined) resolve(found)
        else if (hasEnded) reject(new Error(`the stack ended without saying "${text}":\n${said.join('\n')}`))
      }
      waiting.add(look)
      look()
    })
  return { process: child, said, line, ended }
}

/** The processes of a stack by name, as its data folder knows them. */
export async function processesOf(dataDir: string): Promise<Record<string, ProcessIdentity>> {
  const folder = join(dataDir, 'processes')
  const files = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.json'))
  const read = async (name: string) => [name.replace('.json', ''), JSON.parse(await readFile(join(folder, name), 'utf8'))] as const
  return Object.fromEntries(await Promise.all(files.map(read)))
}

export async function kill(identity: ProcessIdentity | undefined): Promise<void> {
  if (identity && (await isAlive(identity))) process.kill(identity.pid, 'SIGKILL')
}
