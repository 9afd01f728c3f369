import type { TestProject } from 'vitest/node'
import { loadStackConfig } from '../../config.ts'
import { connectTemporal } from '../../drivers/temporal/connect.ts'
import { findTemporalCli } from '../../stack/temporal-cli.ts'
import { freePort } from './free-port.ts'
import { tethered } from './tethered.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** host:port of the test Temporal server. */
    temporal: string
  }
}

/** One real Temporal server, in memory, for all test files of a project. */
export default async function setup(project: TestProject) {
  const cli = await findTemporalCli(loadStackConfig(process.env).temporalCli, (line) => console.log(line))
  const port = await freePort()
  const address = `127.0.0.1:${port}`
  const { connection } = connectTemporal({ address, namespace: 'default', apiKey: null, tls: null })
  const argv = ['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--headless', '--log-level', 'error']
  const ready = () => connection.workflowService.describeNamespace({ namespace: 'default' }).then(() => true, () => false)
  const server = await tethered([cli, ...argv], { signal: 'TERM', ready })
  await connection.close()
  project.provide('temporal', address)
  return () => server.stop()
}
