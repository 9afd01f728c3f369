import { setTimeout as pause } from 'node:timers/promises'
import { serverAccess } from '../db/server-access.ts'
import type { ServerId } from '../domain/ids.ts'
import { readinessRefusal } from '../domain/servers.ts'
import { type ContainerLine, containerLogs, createLogReader, type LogWish } from '../drivers/services/container-logs.ts'
import { SshError } from '../drivers/ssh/errors.ts'
import type { ApiDependencies } from './context.ts'
import type { Inbox } from './inbox.ts'
import type { LineNames, NamedLine } from './line-names.ts'

export interface LoggingServer {
  id: ServerId
  name: string
  status: string
}

/** A line of a container, with the names that people know. */
export type RuntimeLine = NamedLine & { serverId: string; server: string }

/** Why nothing comes from a server at the moment. */
export interface SilentServer {
  serverId: string
  server: string
  code: string
  message: string
}

export type ToldByServer = { line: RuntimeLine } | { silent: SilentServer }

interface Reading {
  wish: LogWish
  signal: AbortSignal
  inbox: Inbox<ToldByServer>
  names: LineNames
  /** All that is there already has been told. */
  onReady(): void
}

const againMilliseconds = 5000
/** A server that was lost is asked for what is so much older than its newest line, too: containers do not have their say in order. */
const overlapSeconds = 60
const mostLinesAgain = 10_000
/** What a line takes beside its text. */
const lineBytes = 300

/**
 * Puts into the inbox what containers on a server write; where that is followed it is asked again when it was lost, and goes on behind
 * what each of them has told.
 */
export async function readLogs(deps: ApiDependencies, server: LoggingServer, reading: Reading): Promise<void> {
  const { signal, inbox } = reading
  const told = new Map<string, string>()
  let { wish } = reading
  let isSilent = false
  const onLine = (line: RuntimeLine) => {
    told.set(sourceOf(line), line.at)
    isSilent = false
  }
  for (;;) {
    const before = new Map(told)
    const isNew = (line: ContainerLine) => line.at > (before.get(sourceOf(line)) ?? '')
    const lost = await readOnce(deps, server, { ...reading, wish, isNew, onLine })
    if (signal.aborted || lost === null) return
    const { isFinal, ...silent } = lost
    if (!isSilent) await inbox.put({ silent }, lineBytes)
    isSilent = true
    if (isFinal || !wish.isFollowed) return
    wish = again(wish, [...told.values()].toSorted().at(-1))
    await pause(againMilliseconds, null, { signal }).catch(() => {})
  }
}

const sourceOf = ({ replicaId, isScheduler, stream }: ContainerLine): string => `${replicaId} ${isScheduler} ${stream}`

/** What is asked for where a server was lost after it had told this line. */
function again(wish: LogWish, newest: string | undefined): LogWish {
  if (newest === undefined) return wish
  return { ...wish, since: new Date(Date.parse(newest) - overlapSeconds * 1000).toISOString(), tail: mostLinesAgain }
}

type Lost = SilentServer & { isFinal: boolean }

interface OneReading extends Reading {
  isNew(line: ContainerLine): boolean
  onLine(line: RuntimeLine): void
}

/** To the end; says what was in the way where that is not the end of what was wanted. */
async function readOnce(deps: ApiDependencies, server: LoggingServer, reading: OneReading): Promise<Lost | null> {
  const { wish, signal, inbox, names, onReady, isNew, onLine } = reading
  const { id: serverId, name } = server
  const lost = (code: string, message: string, isFinal = false): Lost => ({ serverId, server: name, code, message, isFinal })
  const refusal = readinessRefusal(server)
  if (refusal) return lost(refusal.code, refusal.message, true)
  const reader = createLogReader()
  try {
    const remote = deps.ssh.to(await serverAccess(deps.db, deps.keyring, serverId, 'management'))
    const exitCode = await remote.follow(containerLogs(wish), {
      signal,
      async onOutput(bytes) {
        const { lines, isReady } = reader.push(bytes)
        for (const named of await names.name(lines.filter(isNew))) {
          const line = { ...named, serverId, server: name }
          await inbox.put({ line }, line.text.length + lineBytes)
          onLine(line)
        }
        if (isReady) onReady()
      },
    })
    return exitCode === 0 ? null : lost('logs_unavailable', `Docker on ${name} does not tell its logs: look whether it runs.`)
  } catch (error) {
    if (error instanceof SshError) return lost(error.code, error.message, !error.retryable)
    if (!signal.aborted) deps.log.error({ err: error, serverId }, 'logs of a server could not be read')
    return lost('logs_unavailable', `The logs of ${name} cannot be read.`, true)
  }
}
