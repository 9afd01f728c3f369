import { createHash, randomBytes } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Secret } from '../../../domain/secret.ts'
import { createSshPool } from '../../../drivers/ssh/pool.ts'
import type { SshPool } from '../../../drivers/ssh/remote.ts'
import type { Lab } from '../../lab/index.ts'
import { openServer, openTestLab, testPool, type TestServer } from '../lab.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 300_000 })

let lab: Lab
let server: TestServer
let pool: SshPool

beforeAll(async () => {
  lab = await openTestLab('commands')
  server = await openServer(lab)
  pool = testPool()
})

afterAll(async () => {
  await pool?.close()
  await lab?.down()
})

/** A command that outlasts its test, and can be told from those of others. */
const longSleep = () => ['sleep', `${600 + Math.random()}`]

const untilRunning = (argv: readonly string[]) =>
  server.exec(['sh', '-c', `until pgrep -f '^${argv.join(' ')}' >/dev/null; do sleep 0.05; done`])

/** The server's own ends of our connections. */
const killSessions = () => server.exec(['pkill', '-f', 'sshd-session: keystone'])

describe('a command', () => {
  it('hands back output and exit code', async () => {
    const result = await pool.to(server.target).command(['sh', '-c', 'echo out; echo err >&2; exit 3'])
    expect(result).toEqual({ exitCode: 3, stdout: 'out\n', stderr: 'err\n' })
  })

  it('is given argv unchanged and reads stdin', async () => {
    const argv = ['sh', '-c', 'printf "<%s>" "$@"; cat', 'sh', `a'b "c"`, '$HOME']
    const result = await pool.to(server.target).command(argv, { stdin: new Secret('from stdin') })
    expect(result.stdout).toBe(`<a'b "c"><$HOME>from stdin`)
  })

  it('takes a megabyte of binary stdin', async () => {
    const bytes = randomBytes(1_000_000)
    const { stdout } = await pool.to(server.target).command(['sha256sum'], { stdin: bytes })
    expect(stdout).toContain(createHash('sha256').update(bytes).digest('hex'))
  })

  it('that is killed ends with 128 and the number of the signal', async () => {
    expect(await pool.to(server.target).command(['sh', '-c', 'kill -KILL $$'])).toMatchObject({ exitCode: 137 })
  })

  it('that takes too long is a retryable timeout', async () => {
    const late = pool.to(server.target).command(longSleep(), { timeoutSeconds: 0.2 })
    await expect(late).rejects.toMatchObject({ code: 'timeout', retryable: true, server: 's1' })
  })

  it('is left with the reason of an aborted signal', async () => {
    const sleep = longSleep()
    const controller = new AbortController()
    const aborted = expect(pool.to(server.target).command(sleep, { signal: controller.signal })).rejects.toThrow('cancelled')
    await untilRunning(sleep)
    controller.abort(new Error('cancelled'))
    await aborted
    await expect(pool.to(server.target).command(['true'], { signal: controller.signal })).rejects.toThrow('cancelled')
  })
})

describe('the connection', () => {
  it('is made once for 20 callers, who share 8 channels', async () => {
    const own = testPool()
    const numbers = Array.from({ length: 20 }, (_, i) => `${i}`)
    const print = (number: string) => own.to(server.target).command(['sh', '-c', 'sleep 0.1; echo $0', number])
    const results = await Promise.all(numbers.map(print))
    expect(results.map((result) => result.stdout)).toEqual(numbers.map((number) => `${number}\n`))
    expect(own.counts()).toEqual({ handshakes: 1, roundTrips: 20 })
    await own.close()
  })

  it('is left to those who are at work when a caller gives up, and others get a fresh one', async () => {
    const own = testPool()
    const finish = '/tmp/finish'
    const wait = `until [ -e ${finish} ]; do sleep 0.05; done; rm ${finish}; echo done`
    const working = own.to(server.target).command(['sh', '-c', wait])
    await expect(own.to(server.target).command(longSleep(), { timeoutSeconds: 0.2 })).rejects.toMatchObject({ code: 'timeout' })
    expect(await own.to(server.target).command(['touch', finish])).toMatchObject({ exitCode: 0 })
    expect(await working).toMatchObject({ stdout: 'done\n' })
    expect(own.counts().handshakes).toBe(2)
    await own.close()
  })

  it('gives the places of aborted callers to those who wait', async () => {
    const sleep = longSleep()
    const controller = new AbortController()
    setMaxListeners(24, controller.signal)
    const holders = Array.from({ length: 12 }, () => pool.to(server.target).command(sleep, { signal: controller.signal }))
    await untilRunning(sleep)
    const waiting = pool.to(server.target).command(['echo', 'through'])
    controller.abort(new Error('cancelled'))
    expect((await Promise.allSettled(holders)).map((holder) => holder.status)).toEqual(Array(12).fill('rejected'))
    expect(await waiting).toMatchObject({ stdout: 'through\n' })
  })

  it('that breaks off rejects what runs on it as retryable, and the next call makes another', async () => {
    const sleep = longSleep()
    const own = testPool()
    const broken = Promise.allSettled([1, 2, 3].map(() => own.to(server.target).command(sleep)))
    await untilRunning(sleep)
    await killSessions()
    for (const result of await broken) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'connection_lost', retryable: true } })
    }
    expect(await own.to(server.target).command(['echo', 'again'])).toMatchObject({ stdout: 'again\n' })
    expect(own.counts().handshakes).toBe(2)
    await own.close()
  })

  it('is closed when idle and opened again when needed', async () => {
    const own = createSshPool({ idleCloseSeconds: 0, keepaliveSeconds: 3, connectTimeoutSeconds: 5 })
    await own.to(server.target).command(['true'])
    await vi.waitUntil(async () => (await own.to(server.target).command(['true'])) && own.counts().handshakes > 1, { timeout: 30_000 })
    await own.close()
  })

  it('to a server that hangs is given up, and used callers are told', async () => {
    const sleep = longSleep()
    const own = testPool({ keepaliveSeconds: 1 })
    const hanging = Promise.allSettled([own.to(server.target).command(sleep)])
    await untilRunning(sleep)
    await server.pause()
    const startedAt = performance.now()
    const [result] = await hanging.finally(() => server.unpause())
    expect(result).toMatchObject({ status: 'rejected', reason: { code: 'connection_lost', retryable: true } })
    expect(performance.now() - startedAt).toBeLessThan(10_000)
    await own.close()
  })
})

it('what is asked after a renewal goes over another connection, and what runs goes on', async () => {
  const own = testPool()
  const connection = async () => (await own.to(server.target).command(['printenv', 'SSH_CONNECTION'])).stdout
  const before = await connection()
  const sleep = ['sleep', `${2 + Math.random()}`]
  const running = own.to(server.target).command(sleep)
  await untilRunning(sleep)
  own.renew(server.target)
  expect(await connection()).not.toBe(before)
  expect(await running).toMatchObject({ exitCode: 0 })
  expect(own.counts().handshakes).toBe(2)
  await own.close()
})

describe('a server', () => {
  const letInByPassword = "printf 'PasswordAuthentication yes\\n' >/etc/ssh/sshd_config.d/00-test.conf; echo keystone:secret | chpasswd; systemctl restart ssh"

  it('says how users may log in', async () => {
    expect(await pool.offeredLogins(server.target)).toEqual(['publickey'])
  })

  it('is logged in to by a password, where it is the right one', async () => {
    await server.exec(['sh', '-c', letInByPassword])
    const { privateKey, ...target } = server.target
    const as = (password: string) => pool.to({ ...target, password: new Secret(password) }).command(['id', '--user', '--name'])
    expect((await pool.offeredLogins(server.target)).toSorted()).toEqual(['password', 'publickey'])
    expect(await as('secret')).toMatchObject({ exitCode: 0, stdout: 'keystone\n' })
    await expect(as('wrong')).rejects.toMatchObject({ code: 'password_refused', retryable: false })
    await server.exec(['sh', '-c', 'rm /etc/ssh/sshd_config.d/00-test.conf; systemctl restart ssh'])
  })
})

describe('a connection is refused', () => {
  const command = (target: Partial<TestServer['target']>) => pool.to({ ...server.target, ...target }).command(['true'])

  it('when the host key is another than the pinned one', async () => {
    const makeKey = 'rm -f /tmp/other*; ssh-keygen -q -t ed25519 -N "" -f /tmp/other; cat /tmp/other.pub'
    const hostKey = (await server.exec(['sh', '-c', makeKey])).trim()
    await expect(command({ hostKey })).rejects.toMatchObject({
      code: 'host_key_changed', retryable: false, seenHostKey: server.target.hostKey,
    })
  })

  it('when no host key is pinned, telling which one was seen', async () => {
    await expect(command({ hostKey: null })).rejects.toMatchObject({
      code: 'host_key_unknown', retryable: false, seenHostKey: server.target.hostKey,
    })
  })

  it('when the server no longer offers the pinned type of key', async () => {
    const hostKey = 'ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjE='
    await expect(command({ hostKey })).rejects.toMatchObject({ code: 'handshake_failed', retryable: false })
  })

  it('when the key is not the user\'s', async () => {
    await expect(command({ user: 'nobody' })).rejects.toMatchObject({ code: 'authentication_failed', retryable: false })
    await expect(command({ privateKey: new Secret('no key') })).rejects.toMatchObject({ code: 'authentication_failed' })
  })

  it('when nobody listens, which may pass', async () => {
    await expect(command({ port: 2 })).rejects.toMatchObject({ code: 'unreachable', retryable: true })
  })

  it('but its host key line needs no comment or exact spacing', async () => {
    expect(await command({ hostKey: `${server.target.hostKey}  root@lab` })).toMatchObject({ exitCode: 0 })
  })
})
