import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { renderDotenv } from '../../../domain/dotenv.ts'
import { openServiceServer, type ServiceServer } from './service-server.ts'

let server: ServiceServer
beforeAll(async () => {
  server = await openServiceServer('environment')
}, 300_000)
afterAll(() => server?.close())

/** What Compose would give to a container, read through its own parser. */
async function throughCompose(variables: Record<string, string>): Promise<Record<string, string>> {
  const compose = 'services: { box: { image: "valkey/valkey:8", env_file: [.env], entrypoint: [env, "-0"], network_mode: none } }'
  const write = 'mkdir -p /tmp/env && cd /tmp/env && cat >.env && printf %s "$1" >compose.yml && docker compose --env-file /dev/null run --rm -T box'
  const { stdout, stderr, exitCode } = await server.exec(['sh', '-c', write, '-', compose], renderDotenv(variables))
  if (exitCode !== 0) throw new Error(stderr)
  const entries = stdout.split('\0').map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)])
  return Object.fromEntries(entries.filter(([name = '']) => name in variables))
}

it('gives every value to the container unchanged', { timeout: 120_000 }, async () => {
  const nasty = fc.string({ unit: fc.oneof(fc.constantFrom('$', '${', '$$', '"', "'", '\\', '\\n', '\n', '\r', '\t', ' #', '`', ' ', '=', '%', '😀', '{{', '}'), fc.string({ unit: 'grapheme', maxLength: 2 })), maxLength: 40 })
  const samples = fc.sample(nasty.filter((text) => !text.includes('\0')), { numRuns: 300, seed: 7 })
  const variables = {
    ...Object.fromEntries(samples.map((text, index) => [`SAMPLE_${index}`, text])),
    EMPTY: '',
    PEM: '-----BEGIN KEY-----\nabc+/=\n-----END KEY-----\n',
    COMPOSE_PROJECT_NAME: 'not obeyed',
    LARGE: 'x$"\\\n'.repeat(13_000),
  }
  expect(await throughCompose(variables)).toEqual(variables)
})
