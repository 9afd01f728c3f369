import { randomBytes } from 'node:crypto'
import type { Client, Connection } from '@temporalio/client'
import { msToTs } from '@temporalio/common/lib/time.js'
import { inject } from 'vitest'
import { connectTemporal, type TemporalAddress } from '../drivers/temporal/connect.ts'
import { prepareNamespace } from '../drivers/temporal/namespace.ts'

export interface TestTemporal {
  target: TemporalAddress
  client: Client
  connection: Connection
  close(): Promise<void>
}

/** A namespace of its own on the test server, prepared as Keystone's is: workers of other test files do not see it. */
export async function createTestTemporal(): Promise<TestTemporal> {
  const namespace = `test-${randomBytes(6).toString('hex')}`
  const target = { address: inject('temporal'), namespace, apiKey: null, tls: null }
  const { client, connection } = connectTemporal(target)
  await connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: msToTs('1 day') })
  await prepareNamespace(connection, namespace)
  return { target, client, connection, close: () => connection.close() }
}
