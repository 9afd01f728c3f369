import { z } from 'zod'
import { createOrganisation } from '../../../stack/demo/organisation.ts'
import { someHostKey, rootPrivateKey } from '../../api/scene.ts'
import { type BenchKeystone, startKeystone } from '../keystone.ts'
import type { WebhookFigures } from './figures.ts'
import { type Receiver, sendDeliveries } from './sender.ts'

const rate = 200
const warmUpSeconds = 3
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
    const queued = environmentIds.map((id) => keystone.client.get(`${root}/operations?status=queued&targetId=${id}`, operations))
    const counts = (await Promise.all(queued)).map(({ items }) => items.length)
    return {
      ...{ rate, seconds, applications, environments: environmentIds.length, apiCpuMsEach },
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
