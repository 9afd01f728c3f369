import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { beginOperation } from '../../db/operations/begin.ts'
import { finishOperation } from '../../db/operations/finish.ts'
import type { EnvironmentId, OperationId, ServerId } from '../../domain/ids.ts'
import { deliver, freshCommit, giteaBody, settleAll, webhookSecret } from './push-sender.ts'
import { makeApplication, makeServer, provisioned } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

const applicationCount = 4
const environmentsEach = 5
const pushesEach = 35
/** Three in ten deliveries. */
const redeliveriesEach = 15
const atOnce = 50
/** How far a delivery may come after those that were sent later. */
const reordered = 12

let api: TestApi
let serverId: ServerId

beforeAll(async () => {
  api = await createTestApi()
  serverId = await makeServer(api)
  await provisioned(api)
})
afterAll(() => api.close())

/** An environment with its own branch, whose pushes are numbered; `head` is what the git host has at this moment. */
interface Branch {
  environmentId: EnvironmentId
  head: number
  deployed: number
  wave: { number: number; body: string; deliveryId: string; send: () => Promise<number> }[]
}

async function branchesOf(applicationId: string): Promise<Branch[]> {
  const secret = await webhookSecret(api, applicationId)
  const names = Array.from({ length: environmentsEach }, (_, index) => `stage-${index}`)
  return Promise.all(
    names.map(async (name) => {
      const wish = { name, branch: name, serverIds: [serverId] }
      const { id } = await api.make<{ id: EnvironmentId }>(`${api.root}/applications/${applicationId}/environments`, wish)
      const commits = Array.from({ length: pushesEach + 1 }, freshCommit)
      const pushes = Array.from({ length: pushesEach }, (_, index) => {
        const body = giteaBody({ ref: `refs/heads/${name}`, before: commits[index]!, after: commits[index + 1]! })
        return { number: index + 1, body, deliveryId: randomBytes(8).toString('hex') }
      })
      const again = pushes.slice(0, redeliveriesEach).map((push, index) => (index % 2 === 0 ? push : { ...push, deliveryId: randomBytes(8).toString('hex') }))
      const send = ({ body, deliveryId }: { body: string; deliveryId: string }) => async () => (await deliver(api, applicationId, secret, { body, deliveryId })).status
      const wave = [...pushes, ...again].map((one) => ({ ...one, send: send(one) }))
      return { environmentId: id, head: 0, deployed: 0, wave: shuffled(wave) }
    }),
  )
}

/** Each item at a place that is at most so far from its own. */
const shuffled = <Item extends { number: number }>(items: readonly Item[]): Item[] =>
  items
    .map((item) => ({ item, at: item.number + Math.random() * reordered }))
    .toSorted((one, other) => one.at - other.at)
    .map(({ item }) => item)

/** Stands in for a dispatcher: settles what there is, and what came until then once more when no more comes. */
async function settle(isSent: () => boolean): Promise<void> {
  for (let isLast = false; !isLast; ) {
    isLast = isSent()
    await settleAll(api)
  }
}

/** Stands in for workers: what is pending takes what its branch is at, and ends. Answers with the most that was under way and that waited at any time. */
async function execute(branches: readonly Branch[], isOver: () => boolean) {
  const { db, sql } = api.database
  const most = { underWay: 0, queued: 0 }
  for (;;) {
    const wasOver = isOver()
    const rows = await sql<{ id: OperationId; environment: EnvironmentId; status: string }[]>`
      select id, target_id as environment, status from operations where kind = 'environment_deploy' and status in ('queued', 'pending', 'running')`
    for (const { environmentId } of branches) {
      const own = rows.filter(({ environment }) => environment === environmentId)
      const queued = own.filter(({ status }) => status === 'queued').length
      most.queued = Math.max(most.queued, queued)
      most.underWay = Math.max(most.underWay, own.length - queued)
    }
    if (wasOver && rows.length === 0) return most
    // However fast the machine is: nothing is executed before something has had to wait for it.
    if (!wasOver && most.queued === 0) continue
    for (const { id, environment, status } of rows) {
      const branch = branches.find(({ environmentId }) => environmentId === environment)
      if (status !== 'pending' || !branch) continue
      await beginOperation(db, id, 'run')
      branch.deployed = branch.head
      await finishOperation(db, id, { status: 'succeeded', outcome: 'deployed' }, ['running'])
    }
  }
}

it('a thousand deliveries, three in ten of them again and many late, bring each of twenty environments to its newest commit', async () => {
  const applications = await Promise.all(Array.from({ length: applicationCount }, () => makeApplication(api)))
  const branches = (await Promise.all(applications.map(branchesOf))).flat()
  const rounds = Array.from({ length: pushesEach + redeliveriesEach }, (_, index) => branches.map((branch) => ({ branch, ...branch.wave[index]! })))
  const queue = rounds.flat()
  expect([queue.length, branches.length]).toEqual([1000, 20])
  const statuses: number[] = []
  const sender = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      next.branch.head = Math.max(next.branch.head, next.number)
      statuses.push(await next.send())
    }
  }
  let isSent = false
  let isSettled = false
  const settling = Promise.all([settle(() => isSent), settle(() => isSent)])
  const executing = execute(branches, () => isSettled)
  await Promise.all(Array.from({ length: atOnce }, sender))
  isSent = true
  await settling
  isSettled = true
  const most = await executing
  expect(branches.map(({ deployed }) => deployed)).toEqual(branches.map(() => pushesEach))
  expect(most).toEqual({ underWay: 1, queued: 1 })
  const count = (status: number) => statuses.filter((one) => one === status).length
  expect([count(202), count(200)]).toEqual([branches.length * pushesEach, branches.length * redeliveriesEach])
  const [stored] = await api.database.sql`select count(*)::int as deliveries, sum(repeats)::int as repeats from webhook_deliveries`
  expect(await api.database.sql`select 1 from webhook_deliveries where settled_at is null`).toEqual([])
  expect(stored).toEqual({ deliveries: branches.length * pushesEach, repeats: branches.length * redeliveriesEach })
}, 180_000)
