import { z } from 'zod'
import { connect } from '../../../db/connect.ts'
import { createOrganisation } from '../../../stack/demo/organisation.ts'
import { someHostKey, rootPrivateKey } from '../../api/scene.ts'
import { until } from '../../lab/until.ts'
import { type BenchKeystone, startKeystone } from '../keystone.ts'
import type { WebhookFigures } from './figures.ts'
import { type Receiver, sendDeliveries, sendMost } from './sender.ts'

const rate = 200
const warmUpSeconds = 3
/** For so long as much is sent as is answered. */
const mostSeconds = 5
const applications = 5
const environmentsEach = 4

const identified = z.object({ id: z.string() })
const operations = z.object({ items: z.array(identified) })

/** Keystone as `npm start` runs it, on which git hosts push 200 times a second. Its server never answers, so that deployments wait. */
export async function measureWebhooks({ seconds }: { seconds: number }, say: (line: string) => void): Promise<WebhookFigures> {
  const keystone = await startKeystone()
  try {
    const { receivers, environmentIds, root } = await setUp(keystone)
    say(`${environmentIds.length} environments are set up`)
    const before = await cpuSeconds(keystone)
    const sent = await sendDeliveries(receivers, { rate, seconds, warmUpSeconds })
    const apiCpuMsEach = (1000 * ((await cpuSeconds(keystone)) - before)) / (rate * (seconds + warmUpSeconds))
    say(`${sent.deliveries} deliveries are answered`)
    const delays = await settlingDelays(keystone)
    const mostPerSecond = await sendMost(receivers, mostSeconds)
    await settlingDelays(keystone)
    const queued = environmentIds.map((id) => keystone.client.get(`${root}/operations?status=queued&targetId=${id}`, operations))
    const counts = (await Promise.all(queued)).map(({ items }) => items.length)
    return {
      ...{ rate, seconds, applications, environments: environmentIds.length, apiCpuMsEach, mostPerSecond, ...delays },
      ...{ ...sent, failed: sent.failures.length, failures: [...new Set(sent.failures)].slice(0, 10), mostQueued: Math.max(...counts) },
    }
  } finally {
    await keystone.stop()
  }
}

/** Of the API's process, since it began. */
async function cpuSeconds({ apiUrl }: BenchKeystone): Promise<number> {
  const text = await (await fetch(`${apiUrl}/metrics`)).text()
  return Number(/^process_cpu_seconds_total (\S+)$/m.exec(text)?.[1])
}

interface Delays {
  delayP50Ms: number
  delayP99Ms: number
}

/** Waits until everything is settled that was delivered so far, and says how long that took. */
async function settlingDelays({ databaseUrl }: BenchKeystone): Promise<Delays> {
  const { sql, close } = connect(databaseUrl, 1)
  try {
    await until('all pushes to be settled', async () => (await sql`select 1 from webhook_deliveries where settled_at is null limit 1`).length === 0)
    const [delays] = await sql<Delays[]>`
      select percentile_cont(0.5) within group (order by delay)::float as "delayP50Ms", percentile_cont(0.99) within group (order by delay)::float as "delayP99Ms"
      from (
        select 1000 * extract(epoch from settled_at - received_at) as delay
        from webhook_deliveries where jsonb_path_exists(results, '$[*].operationId ? (@ != null)')
      ) as delays`
    if (!delays) throw new Error('nothing was delivered')
    return delays
  } finally {
    await close()
  }
}

interface SetUp {
  receivers: Receiver[]
  environmentIds: string[]
  root: string
}

async function setUp({ client, apiUrl }: BenchKeystone): Promise<SetUp> {
  const organisation = await createOrganisation(client, 'acme')
  const root = `/organisations/${organisation.id}`
  const server = { name: 's1', address: '127.0.0.1', sshPort: 9, hostKey: someHostKey, firstLogin: { privateKey: rootPrivateKey } }
  const { server: { id: serverId } } = await client.post(`${root}/servers`, server, z.object({ server: identified }))
  const receivers: Receiver[] = []
  const environmentIds: string[] = []
  for (let number = 0; number < applications; number += 1) {
    const wish = { name: `shop-${number}`, repositoryUrl: `git@git.example.com:team/shop-${number}.git`, repositoryType: 'gitea' }
    const { id } = await client.post(`${root}/applications`, wish, identified)
    const branches = Array.from({ length: environmentsEach }, (_, index) => `stage-${index}`)
    for (const branch of branches) {
      const environment = { name: branch, branch, serverIds: [serverId] }
      environmentIds.push((await client.post(`${root}/applications/${id}/environments`, environment, identified)).id)
    }
    const { path, secret } = z.object({ path: z.string(), secret: z.string() }).parse(await client.put(`${root}/applications/${id}/webhook-secret`, undefined))
    receivers.push({ url: `${apiUrl}${path}`, secret, branches })
  }
  return { receivers, environmentIds, root }
}
