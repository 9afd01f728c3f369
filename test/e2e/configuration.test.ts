import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { operationSchema, stepsOf, type Operation } from '../../stack/demo/operation.ts'
import { watch } from '../chaos/fault.ts'
import { compareFingerprints, serverFingerprint } from '../lab/instruments/index.ts'
import { until } from '../lab/until.ts'
import { recordHistories } from './histories.ts'
import { openScene, type Sample, type Scene } from './scene.ts'
import { underLoad } from './under-load.ts'

let scene: Scene
let sample: Sample

/** Every character that a shell, a .env file, Compose, YAML or PHP could take for something, at the length that is allowed. */
const nasty = `a $HOME \${APP_KEY} $$ "double" 'single' \`back\` C:\\new\\\\ # no comment = % {{ x }} é 😀\nsecond line\r\n\ttabbed `
const longest = nasty + 'x'.repeat(65_536 - Buffer.byteLength(nasty))

const below = (what: string) => `/organisations/${scene.organisation.id}/environments/${sample.environmentId}/${what}`
const planSchema = z.looseObject({ isUnchanged: z.boolean(), services: z.array(z.object({ name: z.string(), reason: z.string() })) })
const plan = () => scene.keystone.client.get(below('plan?kind=config_change'), planSchema)
const executed = ({ id }: Pick<Operation, 'id'>) => scene.keystone.client.get(`/organisations/${scene.organisation.id}/operations/${id}/plan`, planSchema)
const edit = (variables: Record<string, string | null>) => scene.keystone.client.patch(below('variables'), { variables })
const changed = async () => scene.ended(await scene.organisation.changeConfig(sample.environmentId))
const releases = () => scene.organisation.releases(sample.environmentId)
/** What PHP sees of APP_RELEASE, as the gateway answers it. */
const seen = async () => /^release ([^]*)\ncontainer /m.exec((await sample.ask('/')).body)?.[1]

const slicesSchema = z.object({ items: z.array(z.object({ serviceId: z.string(), sliceId: z.string(), role: z.string() })) })
const rotate = async (role: string) => {
  const { items } = await scene.keystone.client.get(below('attachments'), slicesSchema)
  const { serviceId, sliceId } = items.find((one) => one.role === role)!
  const path = `/organisations/${scene.organisation.id}/services/${serviceId}/slices/${sliceId}/credential-rotations`
  return scene.keystone.client.post(path, undefined, operationSchema)
}
/** The operation by which a rotation brings the environment to its new credentials, once it is started. */
const changeOf = async ({ id }: Operation) => {
  const path = `/organisations/${scene.organisation.id}/operations?kind=config_change&limit=5`
  const found = () => scene.keystone.client.get(path, z.object({ items: z.array(operationSchema.extend({ trigger: z.object({ actor: z.string() }) })) }))
  let operation: Operation | undefined
  await until('the environment to be changed', async () => {
    operation = (await found()).items.find(({ trigger }) => trigger.actor === id)
    return operation !== undefined
  })
  return operation!
}
/** What the application logs in with, as its container has it. */
const loginOf = async (names: readonly string[]) => {
  const { web } = await containers()
  const lines = (await scene.server.exec(['docker', 'exec', web!.id, 'printenv', ...names])).split('\n')
  return lines.slice(0, names.length)
}
const container = async (service: string) => (await scene.server.exec(['docker', 'ps', '--filter', `name=${service}`, '--format', '{{.Names}}'])).trim()
/** What a service says to somebody who logs in with these, as one that stands beside it. */
const postgresSays = async ([user = '', password = '', database = '']: readonly string[]) =>
  scene.server.exec(['docker', 'exec', '-e', `PGPASSWORD=${password}`, await container('database-s1'), 'sh', '-c', 'psql -XAt -h "$(hostname)" -U "$0" -d "$1" -c "select 1" 2>&1 || true', user, database])
const valkeySays = async ([user = '', password = '']: readonly string[]) =>
  scene.server.exec(['docker', 'exec', await container('cache-s1'), 'sh', '-c', 'valkey-cli --no-auth-warning --user "$0" --pass "$1" echo hello 2>&1', user, password])

/** Containers of the application by service, with what they may use. */
async function containers(): Promise<Record<string, { id: string; memory: number }>> {
  const format = '{{index .Config.Labels "com.docker.compose.service"}} {{.Name}} {{.Id}} {{.HostConfig.Memory}}'
  const script = `docker ps --quiet --filter label=keystone.environment=${sample.environmentId} | xargs docker inspect --format '${format}'`
  const lines = (await scene.server.exec(['sh', '-c', script])).split('\n').filter((line) => line.startsWith('replica-'))
  return Object.fromEntries(lines.map((line) => {
    const [, name = '', id = '', memory] = line.split(' ')
    return [/-production-([a-z]+)-/.exec(name)?.[1] ?? name, { id, memory: Number(memory) }]
  }))
}

beforeAll(async () => {
  scene = await openScene({ name: 'configuration' })
  sample = await scene.sample('visits')
  await expect(scene.organisation.changeConfig(sample.environmentId)).rejects.toMatchObject({ status: 409, code: 'not_deployed' })
  expect(await scene.deployed('before configuration', sample)).toMatchObject({ status: 'succeeded', warnings: [] })
}, 900_000)

afterAll(() => scene?.close())

describe('a configuration change', () => {
  it('gives every character of a value to PHP, under load without a failed request, and does what its plan had shown', async () => {
    await edit({ APP_RELEASE: longest })
    const shown = await plan()
    expect(shown).toMatchObject({ isUnchanged: false, image: { isNew: false, build: null }, migration: null, variables: { set: ['APP_RELEASE'], removed: [] } })
    expect(shown.services.map(({ name, reason }) => `${name}: ${reason}`).toSorted()).toEqual(['web: configuration changed', 'worker: configuration changed'])
    const { result: tree, noticed } = await underLoad(scene, sample, changed)
    await recordHistories(scene.keystone, 'config-change', tree)
    expect(tree).toMatchObject({ kind: 'config_change', status: 'succeeded', outcome: 'changed', warnings: [] })
    // It may be over before the first minute is.
    expect(noticed).toEqual([])
    expect(await executed(tree)).toEqual(shown)
    expect(stepsOf(tree).map(({ name }) => name).filter((name) => /build|migrate|find|pull/.test(name))).toEqual([])
    expect(await seen()).toBe(longest)
  })

  it('touches only the service whose settings have changed', async () => {
    const before = await containers()
    const worker = (await scene.organisation.services(sample.environmentId)).find(({ name }) => name === 'worker')
    await scene.organisation.changeService(worker!.id, { memoryLimitMb: 200 })
    expect(await changed()).toMatchObject({ status: 'succeeded', outcome: 'changed', warnings: [] })
    const after = await containers()
    expect(after.web).toEqual(before.web)
    expect(after.worker).toMatchObject({ memory: 200 * 1024 * 1024 })
    expect(after.worker?.id).not.toBe(before.worker?.id)
  })

  it('of nothing changes nothing and makes no release', async () => {
    const [before, count] = [await serverFingerprint(scene.server), (await releases()).length]
    expect(await plan()).toMatchObject({ isUnchanged: true, services: [] })
    expect(await changed()).toMatchObject({ status: 'succeeded', outcome: 'unchanged' })
    expect(compareFingerprints(before, await serverFingerprint(scene.server))).toEqual([])
    expect(await releases()).toHaveLength(count)
  })

  it('whose workflow is lost is taken back whole', async () => {
    await edit({ APP_RELEASE: 'never live' })
    const before = await serverFingerprint(scene.server)
    const operation = await scene.organisation.changeConfig(sample.environmentId)
    const watching = watch(scene, operation)
    await watching.reaches((tree) => stepsOf(tree).some(({ name }) => name === 'start web'))
    await scene.keystone.temporal.client.workflow.getHandle(operation.temporal.workflowId).terminate('the test wants it')
    expect(await watching.ended).toMatchObject({ status: 'failed', failure: { code: 'workflow_lost' } })
    expect(compareFingerprints(before, await serverFingerprint(scene.server))).toEqual([])
    expect(await seen()).toBe(longest)
  })

  it('is a release to go back from, with the values of before', async () => {
    await scene.keystone.client.post(below('variable-imports'), { content: '# of a laptop\nAPP_RELEASE="imported ${KIND}"\n' }, z.unknown()).then(
      () => expect.unreachable(),
      (error: unknown) => expect(error).toMatchObject({ code: 'unreadable_env_file' }),
    )
    await scene.keystone.client.post(below('variable-imports'), { content: 'KIND="env \\$file"\nAPP_RELEASE="imported ${KIND}"\n' }, z.unknown())
    expect(await changed()).toMatchObject({ status: 'succeeded', outcome: 'changed' })
    expect(await seen()).toBe('imported env $file')
    expect((await releases()).map(({ number, kind, status }) => `${number} ${kind} ${status}`)).toEqual([
      ...['5 config_change successful', '4 config_change failed', '3 config_change obsolete', '2 config_change obsolete'],
      '1 environment_deploy obsolete',
    ])
    expect(await scene.ended(await scene.organisation.rollBack(sample.environmentId))).toMatchObject({ status: 'succeeded', outcome: 'rolled_back' })
    expect(await seen()).toBe(longest)
  })
})

describe('a rotation of credentials', () => {
  const database = ['DB_USERNAME', 'DB_PASSWORD', 'DB_DATABASE']
  const cache = ['REDIS_USERNAME', 'REDIS_PASSWORD']

  it('of a database loses no request and no job, and rolls out nothing else of what is set', async () => {
    await edit({ APP_RELEASE: 'set, and not rolled out' })
    const before = await loginOf(database)
    const { result: tree, noticed } = await underLoad(scene, sample, async () => scene.ended(await rotate('database')))
    await recordHistories(scene.keystone, 'rotation', tree)
    expect(tree).toMatchObject({ status: 'succeeded', outcome: 'rotated', warnings: [] })
    expect(noticed).toEqual([])
    const after = await loginOf(database)
    expect([before[0]?.slice(-2), after[0]?.slice(-2), after[2]]).toEqual(['_a', '_b', before[2]])
    expect(await postgresSays(after)).toBe('1')
    expect(await postgresSays(before)).toContain('failed')
    expect(await seen()).toBe(longest)
  })

  it('of a keyspace that an environment does not follow keeps both passwords, and goes on when it is asked for again', async () => {
    const before = await loginOf(cache)
    const operation = await rotate('cache')
    const change = await changeOf(operation)
    await scene.organisation.cancel(change.id)
    expect(await scene.ended(operation)).toMatchObject({ status: 'failed', failure: { code: 'environment_not_changed' } })
    expect(await loginOf(cache)).toEqual(before)
    expect(await valkeySays(before)).toBe('hello')

    const { result: tree, noticed } = await underLoad(scene, sample, async () => {
      const again = await rotate('cache')
      await changeOf(again)
      await scene.keystone.temporal.client.workflow.getHandle(again.temporal.workflowId).terminate('the test wants it')
      return scene.ended(again)
    })
    expect(tree).toMatchObject({ status: 'succeeded', outcome: 'recovered' })
    expect(noticed).toEqual([])
    const after = await loginOf(cache)
    expect(after[0]).toBe(before[0])
    expect(await valkeySays(after)).toBe('hello')
    expect(await valkeySays(before)).toContain('WRONGPASS')
  })
})

describe('a rotation of the encryption key', () => {
  const keysSchema = z.object({ current: z.string(), items: z.array(z.object({ keyId: z.string() })) })
  const keysInUse = () => scene.keystone.client.get(`/organisations/${scene.organisation.id}/encryption-keys`, keysSchema)
  /** Gives every process this key file. */
  async function restart(file: object) {
    const { api, worker, keyFile } = scene.keystone
    await writeFile(keyFile, JSON.stringify(file), { mode: 0o600 })
    await Promise.all([api, worker].map((program) => program.end('SIGTERM')))
    await Promise.all([api, worker].map((program) => program.start()))
  }

  it('leaves nothing that the old key is needed for, and everything works without it', async () => {
    const old: { current: string; keys: Record<string, string> } = JSON.parse(await readFile(scene.keystone.keyFile, 'utf8'))
    const key = randomBytes(32).toString('base64')
    await restart({ current: 'newer', keys: { ...old.keys, newer: key } })
    expect(await keysInUse()).toEqual({ current: 'newer', items: [expect.objectContaining({ keyId: old.current })] })
    const operation = await scene.keystone.client.post(`/organisations/${scene.organisation.id}/key-rotations`, undefined, operationSchema)
    const tree = await scene.ended(operation)
    await recordHistories(scene.keystone, 'key-rotation', tree)
    expect(tree).toMatchObject({ status: 'succeeded', outcome: 'encrypted' })
    expect((await keysInUse()).items.map(({ keyId }) => keyId)).toEqual(['newer'])
    await restart({ current: 'newer', keys: { newer: key } })
    await edit({ APP_RELEASE: 'sealed anew' })
    expect(await changed()).toMatchObject({ status: 'succeeded', outcome: 'changed' })
    expect(await seen()).toBe('sealed anew')
  })
})
