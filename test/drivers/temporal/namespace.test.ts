import { afterAll, expect, test } from 'vitest'
import { prepareNamespace } from '../../../drivers/temporal/namespace.ts'
import { createTestTemporal } from '../../temporal.ts'

const { connection, target, close } = await createTestTemporal()
afterAll(close)

test('histories are kept for 30 days and the search attributes are there, also when it is prepared again', async () => {
  await prepareNamespace(connection, target.namespace)
  const { config } = await connection.workflowService.describeNamespace({ namespace: target.namespace })
  expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBe(30 * 24 * 3600)
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: target.namespace })
  expect(Object.keys(customAttributes).sort()).toEqual([
    'KeystoneCommit',
    'KeystoneEnvironment',
    'KeystoneKind',
    'KeystoneOrganisation',
    'KeystoneServer',
  ])
})
