import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Secret } from '../../../domain/secret.ts'
import { createLane } from '../../../drivers/ssh/lane.ts'
import { packParcel, parcelCommand } from '../../../drivers/ssh/parcel.ts'
import type { SshPool } from '../../../drivers/ssh/remote.ts'
import type { Lab } from '../../lab/index.ts'
import { openServer, openTestLab, testPool, type TestServer } from '../lab.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 300_000 })

let lab: Lab
let server: TestServer
let pool: SshPool

beforeAll(async () => {
  lab = await openTestLab('uploads')
  server = await openServer(lab)
  pool = testPool()
})

afterAll(async () => {
  await pool?.close()
  await lab?.down()
})

const modesBelow = async (folder: string) => {
  const lines = await server.exec(['find', folder, '-printf', '%m %u %P\n'])
  return lines.trimEnd().split('\n').sort()
}

describe('an upload', () => {
  it('puts several files in place with their modes, in folders of its user only', async () => {
    await pool.to(server.target).upload([
      { path: '/home/keystone/up/a b/.env', content: new Secret('A=1\n'), mode: 0o600 },
      { path: '/home/keystone/up/run.sh', content: 'echo\n', mode: 0o755 },
      { path: '/tmp/up', content: 'ö'.repeat(100_000), mode: 0o644 },
    ])
    const modes = ['600 keystone a b/.env', '700 keystone ', '700 keystone a b', '755 keystone run.sh']
    expect(await modesBelow('/home/keystone/up')).toEqual(modes)
    expect(await server.exec(['cat', '/home/keystone/up/a b/.env'])).toBe('A=1')
    expect(await server.exec(['cat', '/tmp/up'])).toBe('ö'.repeat(100_000))
  })

  it('replaces a file in one go: who reads sees all of the old or all of the new one', async () => {
    const path = '/home/keystone/replaced'
    const remote = pool.to(server.target)
    await remote.upload([{ path, content: 'a'.repeat(50_000), mode: 0o600 }])
    const read = `while [ ! -e ${path}.stop ]; do md5sum <${path}; done | sort -u | wc -l; rm ${path}.stop`
    const reader = remote.command(['sh', '-c', read])
    for (const letter of 'bcd') await remote.upload([{ path, content: letter.repeat(50_000), mode: 0o600 }])
    await server.exec(['touch', `${path}.stop`])
    expect(Number((await reader).stdout)).toBeLessThanOrEqual(4)
  })

  const badPaths = ['relative', '/a/../b', '/a//b', '/a/', '/', '', '/a/.', '/a\0b']

  it.each(badPaths)('refuses the path %j before anything is sent', async (path) => {
    const before = pool.counts().roundTrips
    const refused = pool.to(server.target).upload([{ path, content: '', mode: 0o600 }])
    await expect(refused).rejects.toMatchObject({ code: 'invalid_input', retryable: false })
    expect(pool.counts().roundTrips).toBe(before)
  })

  it('that may not write there fails and says why', async () => {
    const refused = pool.to(server.target).upload([{ path: '/etc/keystone/x', content: '', mode: 0o600 }])
    const message = expect.stringContaining('/etc/keystone')
    await expect(refused).rejects.toMatchObject({ code: 'launch_failed', retryable: false, message })
  })

  it('that finds no room changes nothing and leaves nothing behind', async () => {
    await server.exec(['sh', '-c', 'echo old >/home/keystone/half; chown keystone /home/keystone/half'])
    await server.exec(['sh', '-c', 'mount -o remount,size=8m /dev/shm'])
    const tooMuch = pool.to(server.target).upload([
      { path: '/home/keystone/half', content: 'new', mode: 0o600 },
      { path: '/home/keystone/huge', content: 'x'.repeat(20_000_000), mode: 0o600 },
    ])
    await expect(tooMuch).rejects.toMatchObject({ code: 'launch_failed' })
    expect(await server.exec(['cat', '/home/keystone/half'])).toBe('old')
    expect(await server.exec(['find', '/dev/shm', '/home/keystone', '-name', '*keystone.*', '-o', '-name', 'huge'])).toBe('')
    await server.exec(['sh', '-c', 'mount -o remount,size=64m /dev/shm'])
  })

  it('that breaks off in the middle leaves nothing behind', async () => {
    const timings = { connectTimeoutSeconds: 5, keepaliveSeconds: 1, idleCloseSeconds: 60 }
    const lane = createLane(server.target, timings, { handshakes: 0, roundTrips: 0 })
    const broken = { path: 'files/home/keystone/broken', content: 'x'.repeat(100_000), mode: 0o600 }
    const parcel = await packParcel('upload', [broken])
    const process = await lane.start(parcelCommand(parcel, [], { needsSudo: false }))
    process.send(parcel.subarray(0, parcel.length - 2000))
    await server.exec(['sh', '-c', 'until [ -s /dev/shm/keystone.*/files/home/keystone/broken ]; do sleep 0.05; done'])
    await lane.close()
    await server.exec(['sh', '-c', 'while ls /dev/shm/keystone.* >/dev/null 2>&1; do sleep 0.05; done'])
    expect(await server.exec(['find', '/home/keystone', '-name', '*broken*'])).toBe('')
  })
})
