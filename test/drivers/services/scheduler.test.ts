import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

const script = new URL('../../../drivers/services/laravel/scheduler.sh', import.meta.url).pathname
const patiently = { timeout: 20_000, interval: 10 }

let root: string
const running: ChildProcess[] = []

/** The script's own commands, but by a clock that the test sets; a second passes by itself. `artisan` writes down its minute. */
const commands = {
  date: 'cat "$ROOT/clock"',
  sleep: '[ "$1" != 1 ] || exec /bin/sleep 0.05; until=$(($(cat "$ROOT/clock") + $1)); echo "$until" >"$ROOT/$NAME.until"; while [ "$(cat "$ROOT/clock")" -lt "$until" ]; do /bin/sleep 0.01; done',
  php: 'echo "$NAME $(($(cat "$ROOT/clock") / 60))" >>"$ROOT/ticks"; while [ -e "$ROOT/busy" ]; do /bin/sleep 0.01; done; echo "$NAME" >>"$ROOT/ended"',
}

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'scheduler-'))
  await mkdir(join(root, 'bin'))
  for (const [name, body] of Object.entries(commands)) {
    await writeFile(join(root, 'bin', name), `#!/bin/sh\n${body}\n`)
    await chmod(join(root, 'bin', name), 0o755)
  }
  await writeFile(join(root, 'ticks'), '')
  await clock('100:30')
})
afterEach(async () => {
  await rm(join(root, 'busy'), { force: true })
  for (const child of running.splice(0)) {
    const exited = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : null
    killGroup(child.pid!)
    await exited
  }
  // What of the groups is just being killed may still write.
  await rm(root, { recursive: true, force: true, maxRetries: 20 })
})

/** With what the scheduler has started; fine where all of them have ended. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Renamed into place, for whoever reads it in between. */
async function put(name: string, text: string): Promise<void> {
  await writeFile(join(root, `${name}.put`), text)
  await rename(join(root, `${name}.put`), join(root, name))
}

const seconds = (time: string): string => {
  const [minute, second] = time.split(':').map(Number)
  return `${minute! * 60 + second!}`
}
const clock = (time: string) => put('clock', seconds(time))
/** Returns when this scheduler sleeps until then: a clock that is set before is one that leaps. */
const sleepsUntil = (name: string, time: string) =>
  vi.waitFor(async () => expect((await readFile(join(root, `${name}.until`), 'utf8')).trim()).toBe(seconds(time)), patiently)

interface Scheduler {
  child: ChildProcess
  take(ticked: number): Promise<void>
  /** Its last minute, once it has given up its charge. */
  release(): Promise<number>
  end(): Promise<void>
}

async function scheduler(name: string, shell = 'sh'): Promise<Scheduler> {
  const folder = join(root, name)
  await mkdir(folder, { recursive: true })
  await rm(join(root, `${name}.until`), { force: true })
  const env = { PATH: `${join(root, 'bin')}:${process.env.PATH}`, ROOT: root, NAME: name }
  const child = spawn(shell, [script, folder], { env, stdio: 'ignore', detached: true })
  running.push(child)
  return {
    child,
    take: (ticked) => put(`${name}/ticked`, `${ticked}\n`),
    async release() {
      await vi.waitUntil(() => child.kill('SIGUSR1') && existsSync(join(folder, 'released')), patiently)
      return Number(await readFile(join(folder, 'released'), 'utf8'))
    },
    async end() {
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      await exited
    },
  }
}

const ticks = async () => (await readFile(join(root, 'ticks'), 'utf8')).trimEnd().split('\n')
const ticked = (...expected: string[]) => vi.waitFor(async () => expect(await ticks()).toEqual(expected), patiently)

describe.each(['sh', 'bash'])('a scheduler (%s)', { timeout: 60_000 }, (shell) => {
  it('ticks once in each minute after the last one, and only while it is in charge', async () => {
    const old = await scheduler('old', shell)
    await clock('101:30')
    await old.take(101)
    await clock('102:00')
    await ticked('old 102')
    await sleepsUntil('old', '103:00')
    await clock('102:59')
    await clock('103:00')
    await ticked('old 102', 'old 103')
    expect(await old.release()).toBe(103)
    await clock('104:00')
    await old.end()
    expect(await ticks()).toEqual(['old 102', 'old 103'])
  })

  it('ticks at once where the minute has begun without a tick', async () => {
    const late = await scheduler('late', shell)
    await late.take(99)
    await ticked('late 100')
  })

  it('neither doubles nor leaves out a minute, wherever in it the charge passes on', async () => {
    let [from, to] = [await scheduler('0', shell), await scheduler('1', shell)]
    await from.take(99)
    await ticked('0 100')
    await sleepsUntil('0', '101:00')
    const second = [59, 0, 1, 30, 58]
    for (const [index, at] of second.entries()) {
      const minute = 101 + index * 2
      await clock(`${minute}:00`)
      await vi.waitFor(async () => expect((await ticks()).at(-1)).toBe(`${index} ${minute}`), patiently)
      // The next minute begins while the charge passes on.
      await clock(`${minute}:${at}`)
      const released = from.release()
      await clock(`${minute + 1}:0${index}`)
      await to.take(await released)
      await vi.waitFor(async () => expect((await ticks()).at(-1)).toMatch(new RegExp(` ${minute + 1}$`)), patiently)
      await sleepsUntil(`${index + 1}`, `${minute + 2}:00`)
      from = to
      to = await scheduler(`${index + 2}`, shell)
    }
    const minutes = (await ticks()).map((line) => Number(line.split(' ')[1]))
    expect(minutes).toEqual(Array.from({ length: 11 }, (_, index) => 100 + index))
  })

  it('waits for the tick that runs, however often it is told to end, and is still in charge when it starts again', async () => {
    await writeFile(join(root, 'busy'), '')
    const old = await scheduler('old', shell)
    await old.take(99)
    await ticked('old 100')
    const ended = old.end()
    old.child.kill('SIGTERM')
    old.child.kill('SIGUSR1')
    expect(existsSync(join(root, 'ended'))).toBe(false)
    await rm(join(root, 'busy'))
    await ended
    expect([old.child.exitCode, await readFile(join(root, 'ended'), 'utf8')]).toEqual([0, 'old\n'])

    await scheduler('old', shell)
    await sleepsUntil('old', '101:00')
    await clock('101:05')
    await ticked('old 100', 'old 101')
  })

  it('gives no minute a second tick when the clock is set right, and is not silent for hours when it was far ahead', async () => {
    const one = await scheduler('one', shell)
    await one.take(99)
    await ticked('one 100')
    await clock('99:00')
    await one.end()
    const again = await scheduler('one', shell)
    await sleepsUntil('one', '100:00')
    await clock('101:00')
    await ticked('one 100', 'one 101')
    await again.end()
    await clock('41:00')
    await scheduler('one', shell)
    await ticked('one 100', 'one 101', 'one 41')
  })
})
