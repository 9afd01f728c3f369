import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import type { PostgresUser } from '../postgres/placement.ts'
import type { Say } from '../say.ts'
import { becomes } from '../waiting.ts'
import { followErrors } from './error-log.ts'
import { type ProcessFiles, type ProcessName, stopSignals } from './process-files.ts'

/** A process of the stack. It may be started many times. */
export interface ProcessSpec {
  name: ProcessName
  argv: readonly string[]
  cwd: string
  env: NodeJS.ProcessEnv
  user?: PostgresUser
  /** Asked again and again while it starts, with the pid that it has then. */
  isReady: (pid: number) => Promise<boolean>
}

/** A process that is started again when it ends. */
export interface SupervisedProcess {
  /** Resolves when it does its work. Throws with the end of its log where it does not come to that. */
  ready(): Promise<void>
  /** Ends it for good, by force after half a minute. */
  stop(): Promise<void>
}

interface Surroundings {
  files: ProcessFiles
  say: Say
}

const readySeconds = 90
const startsBeforeGivingUp = 4
const stopSeconds = 30
/** Whoever lived this long is started again at once when it dies. */
const livedWellSeconds = 60
const waitsMilliseconds = [200, 1000, 2000, 5000, 10_000, 30_000]

/**
 * Starts a process and starts it again whenever it dies. It writes its log itself and lives in a group of its own, so that it
 * neither feels a Ctrl-C of the terminal nor ends with its supervisor.
 */
export function supervise(spec: ProcessSpec, { files, say }: Surroundings): SupervisedProcess {
  const stopping = new AbortController()
  const isStopping = () => stopping.signal.aborted
  let child: ChildProcess | null = null
  let starts = 0

  const live = async () => {
    let failures = 0
    while (!isStopping()) {
      starts += 1
      const began = Date.now()
      const end = await runOnce()
      if (isStopping()) return
      failures = Date.now() - began > livedWellSeconds * 1000 ? 0 : failures + 1
      const wait = waitsMilliseconds[Math.min(failures, waitsMilliseconds.length) - 1] ?? 0
      say(`${spec.name} ended (${end}): starting it again in ${wait / 1000} s; its log is ${files.log(spec.name)}`)
      await pause(wait, undefined, { signal: stopping.signal }).catch(() => {})
    }
  }

  const runOnce = async () => {
    const log = await open(files.log(spec.name), 'a', 0o600)
    try {
      child = start(spec, log.fd)
      const ended = once(child, 'exit')
      if (child.pid !== undefined) await files.remember(spec.name, child.pid)
      if (isStopping()) child.kill(stopSignals[spec.name])
      const [code, signal] = await ended
      return signal ?? `exit code ${code}`
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    } finally {
      child = null
      await files.forget(spec.name)
      await log.close()
    }
  }

  const unfollow = followErrors(files.log(spec.name), (line) => say(`${spec.name}: ${line}`))
  const life = live()
  return {
    async ready() {
      const isUp = async () => child?.pid !== undefined && (await spec.isReady(child.pid))
      const isDecided = async () => starts > startsBeforeGivingUp || isStopping() || (await isUp())
      await becomes(isDecided, readySeconds)
      if (await isUp()) return
      throw new Error(`${spec.name} does not come up. The end of its log:\n${await files.endOfLog(spec.name)}`)
    },
    async stop() {
      stopping.abort()
      child?.kill(stopSignals[spec.name])
      const force = setTimeout(() => child?.kill('SIGKILL'), stopSeconds * 1000)
      await life
      clearTimeout(force)
      unfollow()
    },
  }
}

function start({ argv: [command = '', ...rest], cwd, env, user }: ProcessSpec, log: number): ChildProcess {
  return spawn(command, rest, { ...user, cwd, env, detached: true, stdio: ['ignore', log, log] })
}
