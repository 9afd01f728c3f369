import { setTimeout as pause } from 'node:timers/promises'
import { serverAccess } from '../db/server-access.ts'
import type { ServerId } from '../domain/ids.ts'
import { readinessRefusal } from '../domain/servers.ts'
import { containerLogs, createLogReader, type LogWish, sinceBehind } from '../drivers/services/container-logs.ts'
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
/** What a line takes beside its text. */
const lineBytes = 300

/** Puts into the inbox what containers on a server write; where that is followed it is asked again when it was lost, behind the last line. */
export async function readLogs(deps: ApiDependencies, server: LoggingServer, reading: Reading): Promise<void> {
  const { signal, inbox } = reading
  let { wish } = reading
  let isSilent = false
  const onLine = ({ at }: RuntimeLine) => {
    wish = { ...wish, since: sinceBehind(at) }
    isSilent = false
  }
  for (;;) {
    const lost = await readOnce(deps, server, { ...reading, wish, onLine })
    if (signal.aborted || lost === null) return
    const { isFinal, ...silent } = lost
    if (!isSilent) await inbox.put({ silent }, lineBytes)
    isSilent = true
    if (isFinal || !wish.isFollowed) return
    await pause(againMilliseconds, null, { signal }).catch(() => {})
  }
}

type Lost = SilentServer & { isFinal: boolean }

/** To the end; says what was in the way where that is not the end of what was wanted. */
async function readOnce(deps: ApiDependencies, server: LoggingServer, reading: Reading & { onLine(line: RuntimeLine): void }): Promise<Lost | null> {
  const { wish, signal, inbox, names, onReady, onLine } = reading
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
        for (const named of await names.name(lines)) {
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
