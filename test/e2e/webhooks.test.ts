import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { operationSchema as storedSchema } from '../../api/schemas/operation.ts'
import { deliverySchema } from '../../api/schemas/webhook.ts'
import { operationSchema, type OperationTree, stepsOf } from '../../stack/demo/operation.ts'
import { until } from '../lab/until.ts'
import { recordHistories } from './histories.ts'
import { openScene, type Sample, type Scene } from './scene.ts'

let scene: Scene
let sample: Sample
let hook: { path: string; secret: string; deliveries: string }

const receivedSchema = z.object({ id: z.string(), isRepeated: z.boolean() })
const deliveriesSchema = z.object({ items: z.array(deliverySchema) })
const operationsSchema = z.object({ items: z.array(storedSchema) })

beforeAll(async () => {
  scene = await openScene({ name: 'webhooks' })
  sample = await scene.sample('visits')
  const { items } = await scene.client.get(`${root()}/applications`, z.object({ items: z.array(z.object({ id: z.string() })) }))
  const application = `${root()}/applications/${items[0]!.id}`
  const secret = z.object({ path: z.string(), secret: z.string() }).parse(await scene.client.put(`${application}/webhook-secret`, undefined))
  hook = { ...secret, deliveries: `${application}/webhook-deliveries` }
}, 900_000)

afterAll(() => scene?.close())

const root = () => `/organisations/${scene.organisation.id}`
const head = () => scene.lab.gitHost.head(sample.repository, 'main')
const live = async () => /commit ([0-9a-f]{40})/.exec((await sample.ask('/')).body)?.[1]
const operations = async () => (await scene.client.get(`${root()}/operations?kind=environment_deploy&targetId=${sample.environmentId}`, operationsSchema)).items

/** Commits to main at the git host; answers with what a hook there would tell. */
async function push(files: Record<string, string>, message = 'A change') {
  const before = await head()
  await scene.lab.gitHost.pushCommit(sample.repository, 'main', { files, message })
  return { ref: 'refs/heads/main', before, after: await head(), message, paths: Object.keys(files) }
}

async function deliver(told: object) {
  const body = JSON.stringify(told)
  const signature = createHmac('sha256', hook.secret).update(body).digest('hex')
  const headers = { 'content-type': 'application/json', 'x-keystone-event': 'push', 'x-keystone-signature': `sha256=${signature}` }
  const response = await fetch(`${scene.keystone.apiUrl}${hook.path}`, { method: 'POST', body, headers })
  return { status: response.status, body: receivedSchema.parse(await response.json()) }
}

/** The deployment that a delivery has come to, as soon as that is known. */
async function requestedFor(deliveryId: string): Promise<string | null | undefined> {
  const find = async () => (await scene.client.get(hook.deliveries, deliveriesSchema)).items.find(({ id }) => id === deliveryId)
  await until('the push to be settled', async () => (await find())?.settledAt != null)
  return (await find())?.environments[0]?.operationId
}

/** Waits for the end of an operation, and leaves its histories under this name. */
async function endOf(name: string, id: string | null | undefined): Promise<OperationTree> {
  const tree = await scene.ended(await scene.client.get(`${root()}/operations/${id}`, operationSchema))
  await recordHistories(scene.keystone, name, tree)
  return tree
}

const stored = (id: string | null | undefined) => scene.client.get(`${root()}/operations/${id}`, storedSchema)

/** Has the schedule look now, although it was there less than a minute ago, and waits until it has. */
async function look(): Promise<void> {
  const { sql } = scene.keystone.database
  await sql`update environments set branch_checked_at = branch_checked_at - interval '1 minute' where id = ${sample.environmentId}`
  const wanted = await head()
  await scene.keystone.temporal.client.schedule.getHandle('keystone-branch-watch').trigger()
  await until('the branch to be looked up', async () => {
    const [row] = await sql`select branch_head as head from environments where id = ${sample.environmentId}`
    return row?.head === wanted
  })
}

it('a push is deployed', async () => {
  const told = await push({ VERSION: 'pushed\n' })
  const { status, body } = await deliver(told)
  expect([status, body.isRepeated]).toEqual([202, false])
  const ended = await endOf('pushed', await requestedFor(body.id))
  expect(ended).toMatchObject({ status: 'succeeded', outcome: 'deployed', failure: null })
  expect(await stored(ended.id)).toMatchObject({ trigger: { by: 'webhook' }, input: { branch: 'main', commit: told.after } })
  expect(ended.summary).toMatch(new RegExp(` @ ${told.after.slice(0, 7)}$`))
  expect(await live()).toBe(told.after)
  const query = `KeystoneCommit = "${told.after}" and KeystoneKind = "environment_deploy"`
  await until('the deployment to be found by its commit', async () => (await scene.keystone.temporal.client.workflow.count(query)).count === 1)
})

it('the same push again starts nothing', async () => {
  const told = await push({ VERSION: 'pushed again\n' })
  const first = await deliver(told)
  await endOf('pushed-again', await requestedFor(first.body.id))
  const count = (await operations()).length
  const again = await deliver(told)
  expect([first.status, again.status, again.body.isRepeated]).toEqual([202, 200, true])
  expect((await operations()).length).toBe(count)
})

it('a push whose list is cut short is compared by git, and ends where nothing concerns the environment', async () => {
  await scene.organisation.changeEnvironment(sample.environmentId, { triggerPaths: ['VERSION', 'app'] })
  const before = await live()
  const { paths: _, ...cut } = await push({ 'docs/index.md': 'documentation\n' })
  const { status, body } = await deliver(cut)
  expect(status).toBe(202)
  const ended = await endOf('pushed-outside', await requestedFor(body.id))
  expect(ended).toMatchObject({ status: 'succeeded', outcome: 'outside_trigger_paths', children: [] })
  expect(stepsOf(ended).map(({ name }) => name)).toEqual(['compare head'])
  expect(await live()).toBe(before)
  expect(await scene.server.exec(['find', '/run/keystone', '-name', 'deploy-key'])).toBe('')
})

it('a push that nobody has told of is found and deployed, once', async () => {
  await scene.organisation.changeEnvironment(sample.environmentId, { branchCheckMinutes: 1 })
  await look()
  const count = (await operations()).length
  const told = await push({ VERSION: 'lost\n' })
  await look()
  const [found] = await operations()
  expect(found?.trigger).toMatchObject({ by: 'schedule', cause: expect.stringContaining(told.after.slice(0, 7)) })
  const ended = await endOf('pushed-unnoticed', found?.id)
  expect(ended).toMatchObject({ status: 'succeeded', outcome: 'deployed' })
  expect((await stored(ended.id)).input).toMatchObject({ commit: told.after })
  expect(await live()).toBe(told.after)
  await look()
  expect((await operations()).length).toBe(count + 1)
})

it('one whose newest commit asks not to be deployed is not', async () => {
  const before = await live()
  await push({ VERSION: 'skipped\n' }, 'Not this one [skip deploy]')
  await look()
  const [found] = await operations()
  expect(await endOf('pushed-to-skip', found?.id)).toMatchObject({ status: 'succeeded', outcome: 'skip_requested' })
  expect(await live()).toBe(before)
})
