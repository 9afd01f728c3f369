import type { ServiceStep } from '../services/contract-step.ts'
import { textBeside } from '../services/scripts.ts'

const script = textBeside(import.meta.url, 'exchange-keys.sh')

/** Public keys, as lines of authorized_keys. */
interface KeyExchange {
  letIn: string
  shutOut: string | null
}

const exchange = (name: string, { letIn, shutOut }: KeyExchange): ServiceStep<void> => ({
  name,
  script,
  inputs: { LET_IN: letIn, SHUT_OUT: shutOut ?? '' },
  secrets: {},
  files: [],
  parse: () => {},
})

/** Lets Keystone's user in by another key beside the present ones. Run as that user; a repetition changes nothing. */
export const letKeyIn = (letIn: string): ServiceStep<void> => exchange('let key in', { letIn, shutOut: null })

/** Lets nobody in by a key any more, but by the one that stays. Run as Keystone's user; a repetition changes nothing. */
export const shutKeyOut = (keys: { stays: string; goes: string }): ServiceStep<void> => exchange('shut key out', { letIn: keys.stays, shutOut: keys.goes })
