import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { eventsOf, isHealthCheck, rememberedEvents, type DockerEvent } from './docker-events.ts'
import { scriptArgv, type LookedAt } from './looked-at.ts'

export interface DockerEventRecording {
  /** Ends the recording; returns all events since its beginning in their order, without health checks. */
  stop(): Promise<DockerEvent[]>
}

/** Records a server's Docker events from now on, over its reboots: Docker itself remembers 256 and none of before it started. */
export async function recordDockerEvents(server: LookedAt): Promise<DockerEventRecording> {
  const begunAt = Number(await server.exec(['date', '+%s']))
  const lines = new Set<string>()
  const recording = new AbortController()
  const recorded = record(server, { begunAt, lines, signal: recording.signal })
  return {
    async stop() {
      const latest = await rememberedEvents(server, begunAt)
      recording.abort()
      await recorded
      const events = eventsOf([...new Set([...lines, ...latest])]).filter((event) => !isHealthCheck(event))
      return events.toSorted((a, b) => a.at.getTime() - b.at.getTime())
    },
  }
}

interface Recording {
  /** The second since which events are read, again and again: what is read twice is the same line. */
  begunAt: number
  lines: Set<string>
  signal: AbortSignal
}

/** Follows until the server or its Docker goes away, and again when it is back. */
async function record(server: LookedAt, recording: Recording): Promise<void> {
  while (!recording.signal.aborted) {
    await follow(server, recording)
    await pause(250, undefined, { signal: recording.signal }).catch(() => {})
  }
}

/** The script is ended by its stdin: what `docker exec` started outlives a killed client. */
async function follow(server: LookedAt, { begunAt, lines, signal }: Recording): Promise<void> {
  const script = await scriptArgv('docker-events', [`${begunAt}`, 'follow'])
  const child = spawn('docker', ['exec', '--interactive', server.container, ...script], { stdio: ['pipe', 'pipe', 'ignore'] })
  const closed = new Promise((resolve) => child.once('close', resolve))
  const end = () => child.stdin.end()
  signal.addEventListener('abort', end)
  if (signal.aborted) end()
  for await (const line of createInterface(child.stdout)) if (isWhole(line)) lines.add(line)
  await closed
  signal.removeEventListener('abort', end)
}

/** The last line before a reboot may be cut, and `docker exec` tells on stdout why it cannot run. */
function isWhole(line: string): boolean {
  try {
    JSON.parse(line)
    return true
  } catch {
    return false
  }
}
