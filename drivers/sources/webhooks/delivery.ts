import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { ZodError } from 'zod'
import type { Told } from '../../../domain/pushes.ts'
import type { Secret } from '../../../domain/secret.ts'
import { WebhookError } from './errors.ts'
import type { WebhookForm } from './form.ts'
import { generic } from './generic.ts'
import { gitea } from './gitea.ts'
import { github } from './github.ts'

/** What the headers of a delivery say, before its body is read. */
export interface Announced {
  form: WebhookForm
  event: string
  /** The host's own name for this delivery; null where it gives none. The same push delivered anew may have another one. */
  deliveryId: string | null
  signature: Buffer
  isForm: boolean
}

/** In this order: Gitea sends the headers of GitHub, too. */
const forms = [gitea, github, generic] as const

const longestHeader = 200

/** Throws WebhookErrors: where no git host that Keystone knows has sent it, and where it is not signed. */
export function announced(headers: Headers): Announced {
  const form = forms.find((one) => headers.has(one.headers.event))
  if (!form) {
    throw new WebhookError('unknown_form', 'This is no delivery of Gitea or GitHub, and has no header x-keystone-event: see docs/webhooks.md.')
  }
  const event = shortened(headers.get(form.headers.event) ?? '')
  const delivery = shortened(headers.get(form.headers.delivery) ?? '')
  const signature = signatureIn(headers.get(form.headers.signature) ?? '', form)
  return { form, event, deliveryId: delivery === '' ? null : delivery, signature, isForm: isForm(headers.get('content-type') ?? '') }
}

const shortened = (text: string): string => text.slice(0, longestHeader)

/** A hook without a secret sends an empty signature: that is none. */
function signatureIn(header: string, { headers, signaturePrefix: prefix }: WebhookForm): Buffer {
  const name = headers.signature
  if (header === '') throw new WebhookError('signature_missing', `The header ${name} is missing or empty: give the webhook its secret at the git host.`)
  const digits = header.startsWith(prefix) ? header.slice(prefix.length) : ''
  if (!/^[0-9a-f]{64}$/i.test(digits)) throw new WebhookError('signature_invalid', `The header ${name} is not ${prefix}<64 hexadecimal digits>.`)
  return Buffer.from(digits, 'hex')
}

function isForm(contentType: string): boolean {
  const type = contentType.split(';')[0]?.trim().toLowerCase()
  if (type === 'application/json') return false
  if (type === 'application/x-www-form-urlencoded') return true
  throw new WebhookError('unsupported_content_type', 'Have the git host send application/json.')
}

/** A delivery whose body has come. */
export interface Delivered {
  /** The JSON that tells. */
  payload: Buffer
  /** SHA-256 of that in hex: the same push has the same, however often and under whichever ids it is delivered. */
  hash: string
  /** What is signed. */
  signed: Buffer
}

/** Takes the payload from a body. Throws an `unreadable_payload` where a form has none. */
export function delivered({ form, isForm: isEncoded }: Announced, body: Buffer): Delivered {
  const payload = isEncoded ? payloadOfForm(body) : body
  const hash = createHash('sha256').update(payload).digest('hex')
  return { payload, hash, signed: form.signedOfForm === 'payload' ? payload : body }
}

function payloadOfForm(body: Buffer): Buffer {
  const payload = new URLSearchParams(body.toString('utf8')).get('payload')
  if (payload === null) throw new WebhookError('unreadable_payload', 'The form has no field payload.')
  return Buffer.from(payload)
}

/** Whether a delivery was signed with this secret; takes as long whatever the signature is. */
export function isSignedWith(secret: Secret, { signature }: Announced, { signed }: Delivered): boolean {
  return timingSafeEqual(createHmac('sha256', secret.reveal()).update(signed).digest(), signature)
}

/** What a delivery tells; call it only for one that was signed. Throws WebhookErrors. */
export function told({ form, event }: Announced, { payload }: Delivered): Told {
  try {
    return form.read(event, JSON.parse(payload.toString('utf8')))
  } catch (error) {
    if (error instanceof SyntaxError) throw new WebhookError('unreadable_payload', 'The payload is not JSON.')
    if (error instanceof ZodError) throw new WebhookError('invalid_payload', `The payload is none of the event ${event}: ${firstIssue(error)}.`)
    throw error
  }
}

function firstIssue({ issues: [issue] }: ZodError): string {
  return issue ? `${issue.path.join('.') || 'it'} ${issue.message}` : 'it is something else'
}
