import { z } from 'zod'
import type { WebhookForm } from './form.ts'
import { line, notAPush, pushPayload, toldDeletion, toldPush } from './push-payload.ts'

const githubPush = pushPayload.extend({ forced: z.boolean().default(false), pusher: z.object({ name: line(200) }) })

/** It names at most 2048 commits, older enterprise servers 20, and does not say how many there are: a list of such a length may be cut. */
const mayBeCut = ({ length }: readonly unknown[]): boolean => length === 20 || length >= 2048

export const github: WebhookForm = {
  provider: 'github',
  headers: { event: 'x-github-event', delivery: 'x-github-delivery', signature: 'x-hub-signature-256' },
  signaturePrefix: 'sha256=',
  signedOfForm: 'body',
  read(event, payload) {
    if (event === 'delete') return toldDeletion(payload)
    if (event !== 'push') return notAPush(event)
    const push = githubPush.parse(payload)
    return toldPush(push, { pusher: push.pusher.name, isWhole: !push.forced && !mayBeCut(push.commits) })
  },
}
