import { Agent, request } from 'node:http'
import { createHistogram } from 'node:perf_hooks'
import { text } from 'node:stream/consumers'
import { everySecond } from '../../load/schedule.ts'
import { freshCommit, giteaBody, giteaHeaders } from '../../api/push-sender.ts'

/** Where deliveries go, and what they are about. */
export interface Receiver {
  url: string
  secret: string
  branches: readonly string[]
}

/** What came of all deliveries. */
export interface SendReport {
  deliveries: number
  answers: Record<string, number>
  failures: string[]
  p50Ms: number
  p95Ms: number
  p99Ms: number
  maxMs: number
}

/** As many as Gitea's own queue and its neighbours would use at once. */
const mostConnections = 50
/** About what Gitea says of a repository and its people. */
const otherBytes = 6000
/** Three in ten are delivered again, under the same id or another one. */
const redelivered = 0.3
const microseconds = 1000
const longestMicroseconds = 3_600_000_000

interface Rate {
  rate: number
  seconds: number
  warmUpSeconds: number
}

/** Sends so many deliveries a second, whatever becomes of those before; what is sent in the first `warmUpSeconds` is not counted. */
export async function sendDeliveries(receivers: readonly Receiver[], { rate, seconds, warmUpSeconds }: Rate): Promise<SendReport> {
  const agent = new Agent({ keepAlive: true, maxSockets: mostConnections })
  const latency = createHistogram({ lowest: 1, highest: longestMicroseconds, figures: 3 })
  let deliveries = 0
  const answers: Record<string, number> = {}
  const failures: string[] = []
  const underWay: Promise<void>[] = []
  const nextBody = bodies(receivers)
  const warmUp = rate * warmUpSeconds
  const last = rate * (seconds + warmUpSeconds) - 1
  await new Promise<void>((resolve) => {
    const schedule = everySecond(rate, (index, scheduledAt) => {
      if (index > last) return
      const one = async () => {
        const { status, detail } = await deliver(agent, nextBody()).catch((error: unknown) => ({ status: 0, detail: String(error) }))
        if (index < warmUp) return
        deliveries += 1
        latency.record(Math.min(Math.max(1, Math.round((performance.now() - scheduledAt) * microseconds)), longestMicroseconds))
        answers[status] = (answers[status] ?? 0) + 1
        if (status !== 200 && status !== 202) failures.push(`${status} ${detail}`)
      }
      underWay.push(one())
      if (index < last) return
      schedule.stop()
      resolve()
    })
  })
  await Promise.all(underWay)
  agent.destroy()
  const percentile = (percent: number) => latency.percentile(percent) / microseconds
  return { deliveries, answers, failures, p50Ms: percentile(50), p95Ms: percentile(95), p99Ms: percentile(99), maxMs: latency.max / microseconds }
}

/** Sends the next delivery as soon as one is answered. Answers with how many were in a second. */
export async function sendMost(receivers: readonly Receiver[], seconds: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: mostConnections })
  const nextBody = bodies(receivers)
  const begun = performance.now()
  let answered = 0
  const send = async () => {
    while (performance.now() - begun < seconds * 1000) {
      const { status } = await deliver(agent, nextBody())
      if (status === 200 || status === 202) answered += 1
    }
  }
  await Promise.all(Array.from({ length: mostConnections }, send))
  agent.destroy()
  return (answered * 1000) / (performance.now() - begun)
}

interface Delivery {
  receiver: Receiver
  body: string
}

/** Pushes to all branches in turn, and between them some of those before once more. */
function bodies(receivers: readonly Receiver[]): () => Delivery {
  const places = receivers.flatMap((receiver) => receiver.branches.map((branch) => ({ receiver, branch, head: freshCommit() })))
  const sent: Delivery[] = []
  let count = 0
  let repeats = 0
  return () => {
    count += 1
    if (repeats < count * redelivered && sent.length > 0) {
      repeats += 1
      return sent[(count * 7919) % sent.length]!
    }
    const place = places[count % places.length]!
    const after = freshCommit()
    const told = JSON.parse(giteaBody({ ref: `refs/heads/${place.branch}`, before: place.head, after }))
    const delivery = { receiver: place.receiver, body: JSON.stringify({ ...told, repository: { description: 'x'.repeat(otherBytes) } }) }
    place.head = after
    sent.push(delivery)
    if (sent.length > 500) sent.shift()
    return delivery
  }
}

function deliver(agent: Agent, { receiver, body }: Delivery): Promise<{ status: number; detail: string }> {
  return new Promise((resolve, reject) => {
    const headers = { ...giteaHeaders(receiver.secret, { body }), 'content-length': Buffer.byteLength(body) }
    const sending = request(receiver.url, { method: 'POST', agent, headers }, (response) => {
      text(response).then((detail) => resolve({ status: response.statusCode ?? 0, detail: detail.slice(0, 200) }), reject)
    })
    sending.on('error', reject)
    sending.end(body)
  })
}
