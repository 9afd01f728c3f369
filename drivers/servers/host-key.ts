import { z } from 'zod'
import type { ServiceStep } from '../services/contract-step.ts'
import { textBeside } from '../services/scripts.ts'

const ownScript = textBeside(import.meta.url, 'own-host-key.sh')
const givenScript = textBeside(import.meta.url, 'given-host-key.sh')

const line = z.string().trim().regex(/^ssh-ed25519 [A-Za-z0-9+/]+=*$/)

/** Run as root: makes a host key on the machine itself, where it has none, and reports it as `ssh-ed25519 AAAA…`. */
export const makeHostKey = (): ServiceStep<string> => ({
  ...{ name: 'make host key', script: ownScript, inputs: {}, secrets: {}, files: [] },
  parse: (result) => line.parse(result),
})

/** Run as root: the host key that the machine was given with its order is used no more. */
export const dropGivenHostKey = (): ServiceStep<void> => ({
  ...{ name: 'drop given host key', script: givenScript, inputs: {}, secrets: {}, files: [] },
  parse: () => {},
})
