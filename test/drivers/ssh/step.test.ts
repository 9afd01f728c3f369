import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { Secret } from '../../../domain/secret.ts'
import type { DurableStep, SshPool, StepObserver, StepOutcome } from '../../../drivers/ssh/remote.ts'
import type { Lab } from '../../lab/index.ts'
import { openServer, openTestLab, testPool, type TestServer } from '../lab.ts'
import { stepsThroughReboots } from './reboots.ts'
import { createStepLog } from './step-log.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 300_000 })

let lab: Lab
let server: TestServer
let pool: SshPool
let log: ReturnType<typeof createStepLog>

beforeAll(async () => {
  lab = await openTestLab('steps')
  server = await openServer(lab)
  pool = testPool()
})

beforeEach(() => {
  log = createStepLog()
})

afterAll(async () => {
  await pool?.close()
  await lab?.down()
})

const password = 'correct-horse-battery'

/** Waits in a script until the test says `go`. */
const untilGo = 'until [ -e "$KEYSTONE_STEP_DIR/go" ]; do sleep 0.02; done'

function newStep(script: string, fields: Partial<DurableStep> = {}): DurableStep {
  const hash = randomBytes(6).toString('hex')
  return { hash, order: 7, name: 'Start replica', user: 'keystone', script, inputs: {}, secrets: {}, files: [], ...fields }
}

const homeOf = ({ user }: DurableStep) => user === 'root' ? '/var/lib/keystone' : '/home/keystone'
const folderOf = (step: DurableStep) => `${homeOf(step)}/operations/${step.hash}/07-start-replica`
const unitOf = ({ hash }: DurableStep) => `keystone-${hash}-07`
const go = (step: DurableStep) => server.exec(['touch', `${folderOf(step)}/go`])
const untilEnded = (step: DurableStep) =>
  server.exec(['sh', '-c', `while systemctl is-active -q ${unitOf(step)}; do sleep 0.02; done`])

function run(step: DurableStep, observer: StepObserver = log.observer(), through = pool): Promise<StepOutcome> {
  return through.to(server.target).step(step, observer)
}

const untilNoSecrets = () => server.exec(['sh', '-c', 'while [ -n "$(find /run/keystone -mindepth 1)" ]; do sleep 0.02; done'])

/** Counted from systemd's own messages in the journal (SD_MESSAGE_UNIT_STARTED). */
async function starts(step: DurableStep): Promise<number> {
  const started = 'MESSAGE_ID=39f53479d3a045ac8e11786248231fbf'
  const lines = await server.exec(['journalctl', '-q', '-o', 'cat', `UNIT=${unitOf(step)}.service`, started])
  return lines.split('\n').filter((line) => line !== '').length
}

describe('a step', () => {
  it('runs as its user with inputs, secrets and files, and reports streams, exit code and result', async () => {
    const step = newStep(
      `echo "$(id -un) $GREETING $KEYSTONE_OPERATION"
      pwd
      cat "$KEYSTONE_SECRETS/password" /home/keystone/seen/config | sha256sum
      echo oops >&2
      echo 42 >"$KEYSTONE_RESULT"
      exit 9`,
      {
        inputs: { GREETING: `it's "$HOME"\n` },
        secrets: { password: new Secret(password) },
        files: [{ path: '/home/keystone/seen/config', content: '!', mode: 0o640 }],
      },
    )
    expect(await run(step)).toEqual({ run: 1, exitCode: 9, result: '42\n' })
    const digest = createHash('sha256').update(`${password}!`).digest('hex')
    expect(log.out()).toBe(`keystone it's "$HOME"\n ${step.hash}\n${folderOf(step)}\n${digest}  -\n`)
    expect(log.err()).toBe('oops\n')
    expect(await server.exec(['stat', '-c', '%a %U', '/home/keystone/seen/config'])).toBe('640 keystone')
    expect(await starts(step)).toBe(1)
  })

  it('of root runs as root, also over a root login, where there is no sudo', async () => {
    const step = newStep('id -u; echo $HOME', { user: 'root' })
    expect(await pool.to(server.rootTarget).step(step, log.observer())).toMatchObject({ exitCode: 0 })
    expect(log.out()).toBe('0\n/root\n')
    expect(await server.exec(['stat', '-c', '%a %U', folderOf(step)])).toBe('700 root')
  })

  it('stops at the first command that fails', async () => {
    expect(await run(newStep('false | cat; echo never'))).toMatchObject({ exitCode: 1 })
    expect(log.out()).toBe('')
  })

  it('is told at once what it prints, not when it ends', async () => {
    const step = newStep(`echo first; ${untilGo}; echo second`)
    const outcome = run(step)
    await log.until('first\n')
    expect(log.out()).toBe('first\n')
    await go(step)
    expect(await outcome).toMatchObject({ exitCode: 0 })
    expect(log.out()).toBe('first\nsecond\n')
  })

  it('may print any bytes, and much more than fits into buffers, to a slow reader', async () => {
    const step = newStep('head -c 20000000 /dev/urandom | tee "$KEYSTONE_STEP_DIR/copy"; printf "\\x1e\\0\\xff"')
    const slow = log.observer({ before: () => new Promise((resolve) => setImmediate(resolve)) })
    await run(step, slow)
    const copy = (await server.exec(['sha256sum', `${folderOf(step)}/copy`])).slice(0, 64)
    expect(log.bytes().length).toBe(20_000_003)
    expect(createHash('sha256').update(log.bytes().subarray(0, -3)).digest('hex')).toBe(copy)
    expect(log.bytes().subarray(-3)).toEqual(Buffer.from([0x1e, 0, 0xff]))
    expect(log.largestChunk()).toBeLessThanOrEqual(64 * 1024)
  })

  it('does not wait for what its script left in the background', async () => {
    expect(await run(newStep('sleep 600 & echo started'))).toMatchObject({ exitCode: 0 })
  })

  it('cannot be started under a bad name', async () => {
    await expect(run(newStep('true', { hash: '../../etc' }))).rejects.toMatchObject({ code: 'invalid_input' })
    await expect(run(newStep('true', { inputs: { 'A B': '' } }))).rejects.toMatchObject({ code: 'invalid_input' })
    await expect(run(newStep('true', { secrets: { '../x': new Secret('') } }))).rejects.toMatchObject({ code: 'invalid_input' })
  })

  it('that cannot be placed is a failed launch with the reason, and starts nothing', async () => {
    const step = newStep('true', { files: [{ path: '/proc/keystone/x', content: '', mode: 0o600 }] })
    const message = expect.stringContaining('/proc/keystone')
    await expect(run(step)).rejects.toMatchObject({ code: 'launch_failed', retryable: false, message })
    expect(await starts(step)).toBe(0)
  })
})

describe('a step outlives', () => {
  const script = `for i in $(seq 200); do echo "line $i"; echo "error $i" >&2; [ $i != 100 ] || ${untilGo}; done`
  const lines = (word: string) => Array.from({ length: 200 }, (_, i) => `${word} ${i + 1}\n`).join('')
  const expectWhole = async (step: DurableStep) => {
    expect(log.out()).toBe(lines('line'))
    expect(log.err()).toBe(lines('error'))
    expect(await starts(step)).toBe(1)
  }

  it('its connection, and every byte is stored once', async () => {
    const step = newStep(script)
    const broken = Promise.allSettled([run(step)])
    await log.until('line 100\n')
    await server.exec(['pkill', '-f', 'sshd-session: keystone'])
    expect((await broken)[0]).toMatchObject({ status: 'rejected', reason: { code: 'connection_lost', retryable: true } })
    await go(step)
    expect(await run(step)).toEqual({ run: 1, exitCode: 0, result: '' })
    await expectWhole(step)
  })

  it('its worker: another one goes on from what is stored', async () => {
    const step = newStep(script)
    const [gone, other] = [testPool(), testPool()]
    const left = Promise.allSettled([run(step, log.observer(), gone)])
    await log.until('line 100\n')
    await gone.close()
    await left
    const outcome = run(step, log.observer(), other)
    await go(step)
    expect(await outcome).toMatchObject({ run: 1, exitCode: 0 })
    await expectWhole(step)
    await other.close()
  })

  it('its observer, whose session on the server ends with him', async () => {
    const step = newStep(script)
    const controller = new AbortController()
    const left = Promise.allSettled([run(step, log.observer({ signal: controller.signal }))])
    await log.until('line 100\n')
    controller.abort(new Error('detached'))
    expect((await left)[0]).toMatchObject({ status: 'rejected', reason: { message: 'detached' } })
    const session = `[m]ain.sh .* ${step.hash}|[t]ail --bytes`
    await server.exec(['sh', '-c', `while pgrep -f '${session}' >/dev/null; do sleep 0.02; done`])
    await go(step)
    await untilEnded(step)
    expect(await run(step)).toMatchObject({ run: 1, exitCode: 0 })
    await expectWhole(step)
  })

  it('an observer that fails', async () => {
    const step = newStep(script)
    const failing = log.observer({ before: () => Promise.reject(new Error('database is away')) })
    await expect(run(step, failing)).rejects.toThrow('database is away')
    await go(step)
    expect(await run(step)).toMatchObject({ run: 1, exitCode: 0 })
    await expectWhole(step)
  })

  it('a reboot as another run', async () => {
    const secrets = { password: new Secret(password) }
    const step = newStep(`cat "$KEYSTONE_SECRETS/password" | wc -c; ${untilGo}; echo done`, { secrets })
    const broken = Promise.allSettled([run(step)])
    await log.until('21\n')
    await server.reboot()
    expect((await broken)[0]).toMatchObject({ status: 'rejected', reason: { retryable: true } })
    await go(step)
    expect(await run(step)).toMatchObject({ run: 2, exitCode: 0 })
    expect(log.out()).toBe('21\ndone\n')
    expect(await starts(step)).toBe(2)
  })

  it('a caller that goes while it is launched, with its secrets in place', async () => {
    const secrets = { password: new Secret(password) }
    for (let delay = 0; delay < 400; delay += 20) {
      const step = newStep('sleep 0.3; cat "$KEYSTONE_SECRETS/password" | wc -c', { secrets })
      const leaving = testPool()
      const left = Promise.allSettled([run(step, createStepLog().observer(), leaving)])
      await new Promise((resolve) => setTimeout(resolve, delay))
      await leaving.close()
      await left
      const found = createStepLog()
      expect(await run(step, found.observer())).toMatchObject({ exitCode: 0 })
      expect(found.out()).toBe(`${password.length}\n`)
    }
  })

  it('a reboot wherever the launch was', async () => {
    const { ended, wrong } = await stepsThroughReboots({ server, pool, rounds: 2 })
    expect(wrong).toEqual([])
    expect(ended).toBeGreaterThanOrEqual(8)
  }, 180_000)

  it('being killed as another run, for it has no exit code', async () => {
    const step = newStep(`echo begun; ${untilGo}`)
    const killed = Promise.allSettled([run(step)])
    await log.until('begun\n')
    await server.exec(['systemctl', 'kill', '--signal=KILL', unitOf(step)])
    expect((await killed)[0]).toMatchObject({ status: 'rejected', reason: { code: 'step_vanished', retryable: true } })
    await untilNoSecrets()
    await go(step)
    expect(await run(step)).toMatchObject({ run: 2, exitCode: 0 })
  })
})

describe('a step is started once', () => {
  it('when eight ask for it at once: all get its outcome and output', async () => {
    const step = newStep(`echo "$$" >>"$KEYSTONE_STEP_DIR/effects"; echo begun; ${untilGo}; exit 3`)
    const logs = Array.from({ length: 8 }, createStepLog)
    const pools = [pool, testPool()]
    const outcomes = Promise.all(logs.map((own, i) => run(step, own.observer(), pools[i % 2])))
    await Promise.all(logs.map((own) => own.until('begun\n')))
    await go(step)
    expect(await outcomes).toEqual(Array(8).fill({ run: 1, exitCode: 3, result: '' }))
    expect((await server.exec(['cat', `${folderOf(step)}/effects`])).trim().split('\n')).toHaveLength(1)
    expect(await starts(step)).toBe(1)
    await pools[1]?.close()
  })

  it('and not again when it has finished; its files are not written again either', async () => {
    const files = [{ path: '/home/keystone/once', content: 'placed', mode: 0o600 }]
    const step = newStep('echo changed >/home/keystone/once; echo done; echo r >"$KEYSTONE_RESULT"', { files })
    const first = await run(step)
    const again = createStepLog()
    expect(await run(step, again.observer())).toEqual(first)
    expect(again.out()).toBe('done\n')
    expect(await server.exec(['cat', '/home/keystone/once'])).toBe('changed')
    expect(await starts(step)).toBe(1)
  })

  it('and takes away half a file that a reboot had left of it', async () => {
    const step = newStep('ls -A /home/keystone/half', { files: [{ path: '/home/keystone/half/config', content: 'whole', mode: 0o600 }] })
    const half = `/home/keystone/half/.keystone.${step.hash}-07.config`
    await server.exec(['sh', '-c', `install -d -o keystone /home/keystone/half && echo wh >${half} && chown keystone ${half}`])
    await run(step)
    expect(log.out()).toBe('config\n')
    expect(await server.exec(['cat', '/home/keystone/half/config'])).toBe('whole')
  })

  it('and nothing of a finished one is sent twice', async () => {
    const step = newStep('echo done')
    await run(step)
    const chunks = vi.fn(async () => {})
    await run(step, { ...log.observer(), onChunk: chunks })
    expect(chunks).not.toHaveBeenCalled()
  })
})

describe('stopping a step', () => {
  it('ends all it started, also what ignores the request, and a later call finds 143', async () => {
    const step = newStep(`setsid sh -c 'trap "" TERM; echo grandchild; while :; do sleep 1; done' & ${untilGo}`)
    const stopped = Promise.allSettled([run(step)])
    await log.until('grandchild\n')
    await pool.to(server.target).stopStep(step)
    await stopped
    const left = `systemctl is-active ${unitOf(step)} || pgrep -f '[g]randchild' || true`
    expect(await server.exec(['sh', '-c', left])).toBe('inactive')
    expect(await run(step)).toEqual({ run: 1, exitCode: 143, result: '' })
    expect(await starts(step)).toBe(1)
  })

  it('that was never started keeps it from starting later', async () => {
    const step = newStep('true')
    await pool.to(server.target).stopStep(step)
    await pool.to(server.target).stopStep(step)
    expect(await run(step)).toEqual({ run: 1, exitCode: 143, result: '' })
    expect(await starts(step)).toBe(0)
  })

  it('that has finished changes nothing', async () => {
    const step = newStep('exit 4')
    await run(step)
    await pool.to(server.target).stopStep(step)
    expect(await run(step)).toMatchObject({ exitCode: 4 })
  })
})

describe('the secrets of a step', () => {
  const secrets = { password: new Secret(password) }

  it.each(['exit 0', 'exit 1', 'kill -KILL $PPID; sleep 600'])('are gone when it ends with: %s', async (ending) => {
    await Promise.allSettled([run(newStep(`[ -s "$KEYSTONE_SECRETS/password" ]; ${ending}`, { secrets }))])
    await untilNoSecrets()
  })

  it('are its user\'s alone while it runs, and nowhere else: not in files, not in arguments', async () => {
    const step = newStep(`echo begun; ${untilGo}`, { secrets })
    const outcome = run(step)
    await log.until('begun\n')
    const modes = await server.exec(['find', '/run/keystone', '-mindepth', '2', '-printf', '%m %u %f\n'])
    expect(modes).toBe('700 keystone 07\n600 keystone password')
    await server.exec(['sh', '-c', `! grep -rl ${password} /home /var/lib/keystone /tmp /dev/shm /etc`])
    const processes = await server.exec(['sh', '-c', 'cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null || true'])
    expect(processes).toContain(step.hash)
    expect(processes).not.toContain(password)
    await go(step)
    await outcome
  })
})

it('keeps folders to 0700 and files to 0600', async () => {
  const step = newStep('true', { inputs: { A: 'b' } })
  await run(step)
  const modes = await server.exec(['find', folderOf(step), '-printf', '%y %m\n'])
  expect(new Set(modes.trim().split('\n'))).toEqual(new Set(['d 700', 'f 600']))
})
