import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { CliSearch } from '../config.ts'
import { connectTemporal, type TemporalAddress } from '../drivers/temporal/connect.ts'
import type { Say } from './say.ts'
import type { Supervisor } from './supervision/supervisor.ts'
import { findTemporalCli } from './temporal-cli.ts'

interface TemporalServer {
  search: CliSearch
  /** Ours alone: the file database lies in it, and Temporal gives everybody the right to read that. */
  folder: string
  temporal: TemporalAddress
  ports: { temporal: number; temporalUi: number }
  env: NodeJS.ProcessEnv
}

/** Runs the Temporal development server with its Web UI, both on 127.0.0.1; its histories outlive it. */
export async function runTemporal(supervisor: Supervisor, server: TemporalServer, say: Say): Promise<void> {
  const { search, folder, temporal: { namespace }, ports, env } = server
  const where = ['--ip', '127.0.0.1', '--port', String(ports.temporal), '--ui-port', String(ports.temporalUi)]
  const what = ['--db-filename', join(folder, 'histories.db'), '--namespace', namespace, '--log-level', 'warn']
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const cli = await findTemporalCli(search, say)
  const { connection } = connectTemporal(server.temporal)
  const isReady = () => connection.workflowService.describeNamespace({ namespace }).then(() => true, () => false)
  await supervisor.run({ name: 'temporal', argv: [cli, 'server', 'start-dev', ...where, ...what], cwd: folder, env, isReady })
  await connection.close()
}
