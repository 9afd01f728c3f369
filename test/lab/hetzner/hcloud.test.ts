import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { generateDeployKey } from '../../../drivers/sources/deploy-key.ts'
import { ensurePrograms } from '../ensure-programs.ts'
import { run } from '../run.ts'
import { until } from '../until.ts'
import { type FakeHetzner, openFakeHetzner } from './fake.ts'

/** What Hetzner's own client does with it, the fake does not do for Keystone alone. */
let fake: FakeHetzner
const env = () => ({ HCLOUD_ENDPOINT: fake.endpoint, HCLOUD_TOKEN: fake.token })
const hcloud = (...argv: string[]) => run(['hcloud', ...argv], { env: env(), timeoutSeconds: 30 })
const json = async <Shape>(...argv: string[]): Promise<Shape> => JSON.parse(await hcloud(...argv, '--output', 'json')) as Shape

beforeAll(async () => {
  await ensurePrograms({ hcloud: 'hcloud-cli' }, { log: (line) => console.log(line) })
  fake = await openFakeHetzner()
})
afterAll(() => fake.close())

describe("Hetzner's own client", () => {
  it('makes a key, a network and a server in it, and waits until that runs', async () => {
    fake.actionMilliseconds = 300
    await hcloud('ssh-key', 'create', '--name', 'mine', '--public-key', generateDeployKey('mine').publicKey)
    await hcloud('network', 'create', '--name', 'inside', '--ip-range', '10.0.0.0/16')
    const said = await hcloud('server', 'create', '--name', 'web-1', '--type', 'cx22', '--image', 'debian-12', '--location', 'nbg1', '--ssh-key', 'mine', '--label', 'of=test')
    expect(said).toContain(fake.project.servers[0]!.address)
    expect(fake.project.servers).toMatchObject([{ name: 'web-1', status: 'running', labels: { of: 'test' }, location: { name: 'nbg1' } }])
    expect(fake.project.actions.all.map(({ command, status }) => [command, status])).toEqual([['create_server', 'success'], ['start_server', 'success']])
  })

  it('lists and describes what is there', async () => {
    expect(await hcloud('server', 'list', '--selector', 'of=test', '--output', 'noheader')).toMatch(/web-1 +running +198\.51\.100\.\d+/)
    expect(await hcloud('server', 'list', '--selector', 'of=others', '--output', 'noheader')).toBe('')
    expect(await json('server', 'describe', 'web-1')).toMatchObject({ name: 'web-1', server_type: { name: 'cx22' }, image: { name: 'debian-12' } })
    expect(await json('server-type', 'list')).toHaveLength(4)
    expect(await json('ssh-key', 'describe', 'mine')).toMatchObject({ name: 'mine', fingerprint: expect.stringMatching(/^([0-9a-f]{2}:){15}[0-9a-f]{2}$/) })
  })

  it('pages through more than fit on a page', async () => {
    const names = Array.from({ length: 60 }, (_, index) => `key-${index}`)
    for (const name of names) fake.project.addKey({ name, labels: {}, public_key: generateDeployKey(name).publicKey })
    expect(await json<object[]>('ssh-key', 'list')).toHaveLength(61)
  })

  it('is told what cannot be had', async () => {
    const another = ['--name', 'web-1', '--type', 'cx22', '--image', 'debian-12', '--location', 'fsn1']
    await expect(hcloud('server', 'create', ...another)).rejects.toThrow(/uniqueness_error/)
    await expect(hcloud('server', 'create', ...another.with(1, 'web-2').with(7, 'hel1'))).rejects.toThrow(/resource_unavailable/)
    fake.fault = ({ route }) => (route === 'POST /servers' ? { refused: { status: 403, code: 'resource_limit_exceeded' } } : null)
    await expect(hcloud('server', 'create', ...another.with(1, 'web-2'))).rejects.toThrow(/resource_limit_exceeded/)
    fake.fault = ({ route }) => (route === 'POST /servers' ? { failing: 'start_server' } : null)
    await expect(hcloud('server', 'create', ...another.with(1, 'web-2'))).rejects.toThrow(/action_failed/)
    fake.fault = () => null
    await expect(run(['hcloud', 'server', 'list'], { env: { ...env(), HCLOUD_TOKEN: 'another' } })).rejects.toThrow(/unauthorized/)
  })

  it('removes what it made', async () => {
    await hcloud('server', 'delete', 'web-1')
    await hcloud('server', 'delete', 'web-2')
    await hcloud('ssh-key', 'delete', 'mine')
    await hcloud('network', 'delete', 'inside')
    await until('the servers to have gone', async () => fake.project.servers.length === 0)
    expect(fake.project.networks).toEqual([])
  })
})
