import type { Told, WebhookProvider } from '../../../domain/pushes.ts'

/** How one kind of git host tells of pushes. */
export interface WebhookForm {
  provider: WebhookProvider
  /** Headers with the name of the event, the id of the delivery and the signature. */
  headers: { event: string; delivery: string; signature: string }
  /** In front of the hexadecimal digits of the signature. */
  signaturePrefix: '' | 'sha256='
  /** What is signed of a body in the form of a form. */
  signedOfForm: 'body' | 'payload'
  /** What the payload of an event tells. Throws a ZodError where it is none of that event. */
  read(event: string, payload: unknown): Told
}
