import { z } from 'zod'
import type { WebhookForm } from './form.ts'
import { line, notAPush, objectId, refName, toldPush } from './push-payload.ts'

const none = '0'.repeat(40)

/** What any git host can send from a hook of its own. `paths` are all files that the push changes; left out, git compares. */
const genericPush = z.object({
  ref: refName,
  before: objectId.optional(),
  after: objectId,
  commit: objectId.optional(),
  message: z.string().optional(),
  paths: z.array(z.string()).optional(),
  pusher: line(200).default('webhook'),
})

export const generic: WebhookForm = {
  provider: 'generic',
  headers: { event: 'x-keystone-event', delivery: 'x-keystone-delivery', signature: 'x-keystone-signature' },
  signaturePrefix: 'sha256=',
  signedOfForm: 'body',
  read(event, payload) {
    if (event !== 'push') return notAPush(event)
    const { ref, before = none, after, commit = after, message = '', paths, pusher } = genericPush.parse(payload)
    const commits = [{ id: commit, message, added: [], removed: [], modified: paths ?? [] }]
    return toldPush({ ref, before, after, commits, head_commit: { id: commit, message } }, { pusher, isWhole: paths !== undefined })
  },
}
