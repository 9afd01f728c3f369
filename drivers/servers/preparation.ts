import { z } from 'zod'
import type { ServiceStep } from '../services/contract.ts'
import { textBeside } from '../services/scripts.ts'

const prepareScript = textBeside(import.meta.url, 'prepare.sh')
const verifyScript = textBeside(import.meta.url, 'verify.sh')

/** Docker Engine ≥ 25 for `start_interval` of health checks, Compose ≥ 2.24 for raw `.env` files (design section 6). */
const minimum = { docker: '25', compose: '2.24' }

const packages = [
  ...['docker.io', 'docker-cli', 'docker-compose', 'docker-buildx'],
  ...['ca-certificates', 'curl', 'git', 'iptables', 'jq', 'openssh-client', 'sudo'],
]

/** A network of its own per data service: small pools, so that they neither run out near 31 nor overlap the private network. */
const daemonSettings = {
  'default-address-pools': [{ base: '10.201.0.0/16', size: 24 }],
  'log-driver': 'json-file',
  'log-opts': { 'max-size': '10m', 'max-file': '3' },
}

/** Installs Docker and creates Keystone's user with this public key; run as root, a repetition changes nothing. */
export function prepareServer({ managementKey }: { managementKey: string }): ServiceStep<void> {
  return {
    name: 'prepare server',
    script: prepareScript,
    inputs: { PACKAGES: packages.join(' '), MANAGEMENT_KEY: managementKey, DAEMON_SETTINGS: JSON.stringify(daemonSettings) },
    secrets: {},
    files: [],
    parse: () => {},
  }
}

const facts = z.object({ architecture: z.enum(['amd64', 'arm64']), facts: z.record(z.string(), z.string()) })
export type ServerFacts = z.infer<typeof facts>

/** Run as Keystone's user: fails where Docker or Compose is missing or too old, or the private address not its own; reports what the server is. */
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
