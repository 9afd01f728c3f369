import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { z } from 'zod'
import { type Operation, operationSchema } from '../../stack/demo/operation.ts'
import { randomFrom } from '../chaos/random.ts'
import { findRepeated, unitRuns } from '../lab/instruments/index.ts'
import { recordHistories } from './histories.ts'
import { type Joined, openScene, type Sample, type Scene } from './scene.ts'
import { secretsSeen } from './secrets.ts'

/** The application runs on the scene's own server; its reports, and a cache that may forget, are on another one. */
let scene: Scene
let data: Joined
let sample: Sample
let reports: string
let forgetful: string

beforeAll(async () => {
  scene = await openScene({ name: 'slices' })
  await Promise.all([openData(), scene.sample('visits').then((opened) => (sample = opened))])
}, 600_000)

afterAll(() => scene?.close())

async function openData() {
  data = await scene.join('data')
  const forgets = { maxMemoryMb: 32, evictionPolicy: 'allkeys-lru', persistence: 'none' }
  const made = [service({ driver: 'postgres', name: 'reports' }), service({ driver: 'valkey', name: 'forgetful', config: forgets })] as const
  ;[reports, forgetful] = await Promise.all(made)
}

async function service(wish: { driver: string; name: string; config?: object }): Promise<string> {
  const { serviceId, operation } = await scene.organisation.createService({ ...wish, serverId: data.serverId })
  expect(await scene.ended(operation)).toMatchObject({ status: 'succeeded' })
  return serviceId
}

const sliceSchema = z.object({ id: z.string(), name: z.string(), status: z.string(), config: z.record(z.string(), z.unknown()) })
type Slice = z.infer<typeof sliceSchema>
const usesSchema = z.array(z.object({ environment: z.string(), application: z.string(), isAttached: z.boolean() }))
const withSlice = z.object({ slice: sliceSchema, operation: operationSchema })
const attachedSchema = withSlice.extend({ attachment: z.object({ id: z.string() }) })

const root = () => `/organisations/${scene.organisation.id}`
const slices = () => `${root()}/services/${reports}/slices`
const api = () => scene.client
const attachments = (environmentId: string) => `${root()}/environments/${environmentId}/attachments`
const seen = ({ id }: Slice) => api().get(`${slices()}/${id}`, sliceSchema.extend({ usedBy: usesSchema }))

async function made(name: string, config: object = {}): Promise<Slice> {
  const { slice, operation } = await api().post(slices(), { name, config }, withSlice)
  expect(await scene.ended(operation)).toMatchObject({ kind: 'slice_provision', status: 'succeeded', outcome: 'ready' })
  return slice
}

async function change({ id }: Slice, config: object): Promise<Operation> {
  await api().patch(`${slices()}/${id}`, { config })
  const { items } = await api().get(`${root()}/operations?targetId=${id}&limit=1`, z.object({ items: z.array(operationSchema) }))
  return items[0]!
}
const configured = async (slice: Slice, config: object) => scene.ended(await change(slice, config))

async function attached(environmentId: string, wish: object): Promise<string> {
  const { attachment, operation } = await api().post(attachments(environmentId), wish, attachedSchema)
  expect(await scene.ended(operation)).toMatchObject({ status: 'succeeded' })
  return attachment.id
}

const detached = async (environmentId: string, attachmentId: string) =>
  scene.ended(await api().delete(`${attachments(environmentId)}/${attachmentId}`, operationSchema))
const remove = ({ id, name }: Slice, confirm = name) => api().delete(`${slices()}/${id}?confirm=${confirm}`, operationSchema)
const deployed = async () => expect(await scene.deployed('slices', sample)).toMatchObject({ status: 'succeeded', outcome: 'deployed' })

const container = async (serviceId: string) =>
  (await data.server.exec(['docker', 'ps', '--filter', `label=keystone.service=${serviceId}`, '--format', '{{.Names}}'])).trim()
const startedAt = async () => (await data.server.exec(['docker', 'inspect', '--format', '{{.Id}} {{.State.StartedAt}}', await container(reports)])).trim()
const sql = async (text: string, database = 'postgres') =>
  (await data.server.exec(['docker', 'exec', await container(reports), 'psql', '-XAt', '-U', 'postgres', '-d', database, '-c', text])).trim()
const extensions = async () => (await sql('select extname from pg_extension order by 1', 'totals')).split('\n').filter((name) => name !== 'plpgsql')
const connectionLimit = () => sql("select rolconnlimit from pg_roles where rolname = 'totals_a'")

/** Runs PHP as the application would: in its web container, with its variables. */
async function php(code: string): Promise<string> {
  const name = "$(docker ps --quiet --filter 'name=^visits-production-web-[0-9a-f]*$')"
  return (await scene.server.exec(['sh', '-c', `docker exec --interactive ${name} php`], { input: `<?php ${code}` })).trim()
}
const reporting = `$p = new PDO(sprintf('pgsql:host=%s;port=%s;dbname=%s', ...array_map(fn ($n) => getenv("REPORTING_DB_$n"), ['HOST', 'PORT', 'DATABASE'])),
  getenv('REPORTING_DB_USERNAME'), getenv('REPORTING_DB_PASSWORD'));`
const countedTotals = () => php(`${reporting} echo $p->query('select count(*) from totals')->fetchColumn();`)

let totals: Slice
/** An environment that is never deployed. */
let staging: string
let untouched: string

describe('a database of its own', () => {
  it('is made in a running service with extensions and a limit, beside others', async () => {
    untouched = await startedAt()
    await made('archive')
    totals = await made('totals', { extensions: ['citext'], connectionLimit: 7 })
    expect([await extensions(), await connectionLimit()]).toEqual([['citext'], '7'])
    expect(await sql("select string_agg(datname, ' ' order by datname) from pg_database where datname in ('archive', 'totals')")).toBe('archive totals')
  })

  it('is changed, whole or not at all', async () => {
    const tree = await configured(totals, { extensions: ['citext', 'pg_trgm'], connectionLimit: null })
    await recordHistories(scene.keystone, 'slice-configured', tree)
    expect(tree).toMatchObject({ kind: 'slice_configure', status: 'succeeded', outcome: 'configured' })
    expect([await extensions(), await connectionLimit()]).toEqual([['citext', 'pg_trgm'], '-1'])
    const failed = await configured(totals, { extensions: ['no_such_extension'], connectionLimit: 3 })
    expect(failed).toMatchObject({ status: 'failed', failure: { code: 'step_failed', server: 'data', tail: expect.stringContaining('no_such_extension') } })
    expect([await extensions(), await connectionLimit()]).toEqual([['citext', 'pg_trgm'], '-1'])
    expect(await seen(totals)).toMatchObject({ status: 'ready', config: { extensions: ['citext', 'pg_trgm'], connectionLimit: null } })
  })
})

describe('an application with a second database and a second cache', () => {
  let attachmentId: string
  let isReached: () => Promise<string>

  it('finds both by variables with their prefixes', async () => {
    attachmentId = await attached(sample.environmentId, { serviceId: reports, role: 'database', sliceId: totals.id, envPrefix: 'REPORTING_' })
    await attached(sample.environmentId, { serviceId: forgetful, role: 'custom', envPrefix: 'FORGETFUL_' })
    await deployed()
    await php(`${reporting} $p->exec('create table totals (word citext)'); $p->exec("insert into totals values ('from the application')");`)
    expect(await sql('select word from totals', 'totals')).toBe('from the application')
    expect((await sample.ask('/')).status).toBe(200)
    const redis = `$r = new Redis(); $r->connect(getenv('FORGETFUL_REDIS_HOST'), (int) getenv('FORGETFUL_REDIS_PORT'));
      $r->auth([getenv('FORGETFUL_REDIS_USERNAME'), getenv('FORGETFUL_REDIS_PASSWORD')]); $i = $r->info();
      echo $i['maxmemory'], ' ', $i['maxmemory_policy'], ' ', $i['aof_enabled'];`
    expect(await php(redis)).toBe(`${32 * 1024 * 1024} allkeys-lru 0`)
  })

  it('does not lose an extension that its tables need', async () => {
    const failed = await configured(totals, { extensions: ['pg_trgm'] })
    expect(failed).toMatchObject({ status: 'failed', failure: { tail: expect.stringContaining('citext') } })
    expect([await extensions(), await countedTotals()]).toEqual([['citext', 'pg_trgm'], '1'])
  })

  it('shares it with another environment, and it is not removed while either uses it', async () => {
    const { applicationId } = await api().get(`${root()}/environments/${sample.environmentId}`, z.object({ applicationId: z.string() }))
    staging = (await scene.organisation.createEnvironment(applicationId, { name: 'staging', serverIds: [scene.prepared.serverId] })).environmentId
    const shared = await attached(staging, { serviceId: reports, role: 'database', sliceId: totals.id })
    const users = ['production', 'staging'].map((environment) => ({ environment, application: 'visits', isAttached: true }))
    expect((await seen(totals)).usedBy).toEqual(users)
    await expect(remove(totals)).rejects.toThrow('slice_in_use: totals is used by production of visits, staging of visits')
    expect(await detached(staging, shared)).toMatchObject({ status: 'succeeded', outcome: 'detached' })
    expect((await seen(totals)).usedBy).toEqual([users[0]])
  })

  it('keeps its way to it until the next version runs without its variables', async () => {
    const [host, port] = (await php("echo getenv('REPORTING_DB_HOST'), ' ', getenv('REPORTING_DB_PORT');")).split(' ')
    isReached = async () => (await scene.server.exec(['bash', '-c', `timeout 3 bash -c ': </dev/tcp/${host}/${port}' 2>/dev/null && echo yes || echo no`])).trim()
    expect([host, await isReached()]).toEqual([data.server.privateAddress, 'yes'])
    const tree = await detached(sample.environmentId, attachmentId)
    await recordHistories(scene.keystone, 'slice-detached', tree)
    expect(tree).toMatchObject({ kind: 'slice_detach', status: 'succeeded', outcome: 'detached', warnings: [] })
    expect([await countedTotals(), await isReached()]).toEqual(['1', 'yes'])
    await expect(remove(totals)).rejects.toThrow('production of visits (until its next deployment)')
    await deployed()
    expect(await php("echo json_encode(getenv('REPORTING_DB_HOST'));")).toBe('false')
    expect(await isReached()).toBe('no')
    expect([(await seen(totals)).usedBy, await sql('select count(*) from totals', 'totals')]).toEqual([[], '1'])
  })

  it('has no way to one that it was detached from before it ever knew of it, once a deploy has found nothing to change', async () => {
    const brief = await attached(sample.environmentId, { serviceId: reports, role: 'database', sliceId: totals.id, envPrefix: 'BRIEF_' })
    await detached(sample.environmentId, brief)
    expect([await isReached(), (await seen(totals)).usedBy.length]).toEqual(['yes', 1])
    expect(await scene.ended(await scene.organisation.deploy(sample.environmentId))).toMatchObject({ status: 'succeeded', outcome: 'unchanged', warnings: [] })
    expect([await isReached(), (await seen(totals)).usedBy]).toEqual(['no', []])
  })
})

describe('removing a database', () => {
  it('takes its name, and then its data goes', async () => {
    await expect(remove(totals, 'total')).rejects.toMatchObject({ status: 422, code: 'confirmation_required' })
    const tree = await scene.ended(await remove(totals))
    await recordHistories(scene.keystone, 'slice-removed', tree)
    expect(tree).toMatchObject({ kind: 'slice_remove', status: 'succeeded', outcome: 'removed' })
    expect(await sql("select count(*) from pg_database where datname = 'totals'")).toBe('0')
    expect(await sql("select count(*) from pg_roles where rolname like 'totals%'")).toBe('0')
    expect(await sql("select count(*) from pg_database where datname = 'archive'")).toBe('1')
  })

  it('leaves its name to another one, which begins empty', async () => {
    expect((await made('totals')).config).toMatchObject({ database: 'totals' })
    expect(await sql("select count(*) from pg_tables where schemaname = 'public'", 'totals')).toBe('0')
  })
})

it('is made, changed, detached and removed also by workers that are killed on the way', async () => {
  const random = randomFrom(inject('seed'))
  const killedMeanwhile = async (operation: Operation) => {
    await pause(random() * 1500)
    await scene.keystone.worker.end('SIGKILL')
    await scene.keystone.worker.start()
    const tree = await scene.ended(operation)
    expect(tree, tree.kind).toMatchObject({ status: 'succeeded', failure: null, warnings: [] })
  }
  const { slice, operation } = await api().post(slices(), { name: 'fleeting' }, withSlice)
  await killedMeanwhile(operation)
  await killedMeanwhile(await change(slice, { extensions: ['hstore'] }))
  expect(await sql("select count(*) from pg_extension where extname = 'hstore'", 'fleeting')).toBe('1')
  const attachmentId = await attached(staging, { serviceId: reports, role: 'database', sliceId: slice.id })
  await killedMeanwhile(await api().delete(`${attachments(staging)}/${attachmentId}`, operationSchema))
  expect((await seen(slice)).usedBy).toEqual([])
  await killedMeanwhile(await remove(slice))
  expect(await sql("select (select count(*) from pg_database where datname = 'fleeting') + (select count(*) from pg_roles where rolname like 'fleeting%')")).toBe('0')
  expect(findRepeated(await unitRuns(data.server)).filter(({ isAfterItsEnd }) => isAfterItsEnd)).toEqual([])
})

it('has never touched the container of its service', async () => {
  expect(await startedAt()).toBe(untouched)
})

it('no secret has been left anywhere', async () => {
  expect((await secretsSeen(scene, {}, [scene.server, data.server])).found).toEqual([])
})
