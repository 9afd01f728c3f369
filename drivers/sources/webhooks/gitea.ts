import { z } from 'zod'
import type { WebhookForm } from './form.ts'
import { line, notAPush, pushPayload, toldDeletion, toldPush } from './push-payload.ts'

/** It names its newest commits only, five by default, and says how many there are. */
const giteaPush = pushPayload.extend({ total_commits: z.int().optional(), pusher: z.object({ login: line(200) }) })

/** Gitea and Forgejo. A forced push carries no mark; one back to an earlier commit names no commits. */
export const gitea: WebhookForm = {
  provider: 'gitea',
  headers: { event: 'x-gitea-event', delivery: 'x-gitea-delivery', signature: 'x-gitea-signature' },
  signaturePrefix: '',
  signedOfForm: 'payload',
  read(event, payload) {
    if (event === 'delete') return toldDeletion(payload)
    if (event !== 'push') return notAPush(event)
    const push = giteaPush.parse(payload)
    return toldPush(push, { pusher: push.pusher.login, isWhole: push.total_commits === push.commits.length })
  },
}
