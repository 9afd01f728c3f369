import { z } from 'zod'
import type { ServiceStep } from '../services/contract-step.ts'
import { textBeside } from '../services/scripts.ts'
import { minimum } from './docker.ts'

const verifyScript = textBeside(import.meta.url, 'verify.sh')

const facts = z.object({ architecture: z.enum(['amd64', 'arm64']), facts: z.record(z.string(), z.string()) })
export type ServerFacts = z.infer<typeof facts>

/**
 * Run as Keystone's user. Fails where Docker or Compose is missing or too old, a door is open, or the private address not its own;
 * reports what the server is.
 */
export function verifyServer({ privateAddress }: { privateAddress: string | null }): ServiceStep<ServerFacts> {
  return {
    name: 'verify server',
    script: verifyScript,
    inputs: { MINIMUM_DOCKER: minimum.docker, MINIMUM_COMPOSE: minimum.compose, PRIVATE_ADDRESS: privateAddress ?? '' },
    secrets: {},
    files: [],
    parse: (result) => facts.parse(JSON.parse(result)),
  }
}
