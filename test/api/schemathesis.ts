import { execFile } from 'node:child_process'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serve } from '@hono/node-server'
import { freePort } from '../setup/free-port.ts'
import { ensureSchemathesis } from '../setup/schemathesis.ts'
import { testSettings } from '../setup/settings.ts'
import { makeApplication, makeEnvironment, makeServer, makeService } from './scene.ts'
import type { TestApi } from './test-api.ts'

export interface Asking {
  phases: readonly ('examples' | 'coverage' | 'fuzzing' | 'stateful')[]
  /** Of each operation, where it draws by chance. */
  examples: number
}

/**
 * Has Schemathesis ask the API, by its OpenAPI document, what nobody thought of. Returns its report where an answer was not one of
 * those that are documented, or a server error; else null.
 */
export async function undocumented(api: TestApi, { phases, examples }: Asking): Promise<string | null> {
  const program = await ensureSchemathesis()
  const folder = await mkdtemp(join(tmpdir(), 'schemathesis-'))
  const settings = join(folder, 'settings.toml')
  await writeFile(settings, await settingsFor(api))
  const port = await freePort()
  const server = serve({ fetch: api.app.fetch, port, hostname: '127.0.0.1' })
  const argv = [
    ...['--config-file', settings, 'run', `http://127.0.0.1:${port}/openapi.json`, '--no-color'],
    ...['--header', `Authorization: Bearer ${api.ownerToken}`, '--checks', 'all'],
    ...['--phases', phases.join(','), '--max-examples', `${examples}`, '--workers', '2', '--request-timeout', '60'],
    ...['--continue-on-failure', '--suppress-health-check', 'all'],
    ...(testSettings.seed === null ? [] : ['--seed', `${testSettings.seed}`]),
  ]
  const report = await new Promise<string | null>((resolve) => {
    execFile(program, argv, { cwd: folder, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => resolve(error ? `${stdout}\n${stderr}` : null))
  })
  server.close()
  return report
}

/** Ids of what there is, so that not every answer is a 404; and that what breaks a rule beyond its schema is a 422. */
async function settingsFor(api: TestApi): Promise<string> {
  const applicationId = await makeApplication(api)
  const environmentId = await makeEnvironment(api, { applicationId })
  const serverId = await makeServer(api)
  const serviceId = await makeService(api, 'valkey', serverId)
  const ids = { organisationId: api.organisationId, applicationId, environmentId, serverId, serviceId }
  return [
    '[parameters]',
    ...Object.entries(ids).map(([name, id]) => `"path.${name}" = "${id}"`),
    '[checks.positive_data_acceptance]',
    'expected-statuses = ["2xx", "401", "403", "404", "409", "422"]',
  ].join('\n')
}
