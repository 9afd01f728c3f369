import { createHmac, randomBytes } from 'node:crypto'
import { applicationsToSettle } from '../../db/unsettled-pushes.ts'
import { settlePushes } from '../../dispatcher/pushes.ts'
import type { TestApi } from './test-api.ts'

/** What a git host is answered. */
export interface Received {
  id: string
  event: string
  isRepeated: boolean
  reason: { code: string; message: string } | null
  environments: PushResult[]
}

interface PushResult {
  environmentId: string
  environmentName: string
  state: 'pending' | 'requested' | 'ignored'
  operationId: string | null
  reason: { code: string; message: string } | null
}

export interface Sent {
  status: number
  body: Received & { code: string; detail: string }
  headers: Headers
}

/** A commit that nobody has. */
export const freshCommit = (): string => randomBytes(20).toString('hex')

interface Told {
  ref?: string
  before?: string
  after?: string
  message?: string
  paths?: string[]
  total?: number
}

/** The body of a push as Gitea sends it, of one commit unless told. */
export function giteaBody({ ref = 'refs/heads/main', before = freshCommit(), after = freshCommit(), message = 'change', paths = ['index.php'], total = 1 }: Told = {}): string {
  const head = { id: after, message }
  const commits = [{ ...head, added: [], removed: [], modified: paths }]
  return JSON.stringify({ ref, before, after, commits, total_commits: total, head_commit: head, pusher: { login: 'ada' } })
}

export interface Delivery {
  body: string
  deliveryId?: string
  headers?: Record<string, string>
}

/** Headers as Gitea sends them, GitHub's among them. */
export function giteaHeaders(secret: string, { body, deliveryId = randomBytes(8).toString('hex'), headers = {} }: Delivery): Record<string, string> {
  const digits = createHmac('sha256', secret).update(body).digest('hex')
  return {
    ...{ 'content-type': 'application/json', 'x-gitea-event': 'push', 'x-gitea-delivery': deliveryId, 'x-gitea-signature': digits },
    ...{ 'x-github-event': 'push', 'x-github-delivery': deliveryId, 'x-hub-signature-256': `sha256=${digits}` },
    ...headers,
  }
}

/** Delivers what Gitea would, signed with this secret. */
export async function deliver({ app }: TestApi, applicationId: string, secret: string, delivery: Delivery): Promise<Sent> {
  const response = await app.request(`/webhooks/${applicationId}`, { method: 'POST', body: delivery.body, headers: giteaHeaders(secret, delivery) })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Sent['body'] }
}

/** What a dispatcher does when it is told of pushes. */
export async function settleAll({ database: { db } }: Pick<TestApi, 'database'>): Promise<void> {
  for (const id of await applicationsToSettle(db)) await settlePushes(db, id)
}

/** Makes a webhook secret, and says what it is. */
export async function webhookSecret(api: TestApi, applicationId: string): Promise<string> {
  const answer = await api.ask<{ secret: string }>('PUT', `${api.root}/applications/${applicationId}/webhook-secret`)
  return answer.body.secret
}
