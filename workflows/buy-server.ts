import type { OperationInput } from '../activities/operations.ts'
import { machines, remote } from './proxies.ts'

type ToBeMade = Parameters<typeof machines.createMachine>[0]

/**
 * Has the machine of a server made, and made sure of: from here on it is as one that its user gave the address of. Nothing is taken back
 * where the rest fails: the machine serves the next try, and goes with the server when that is removed.
 */
export async function buyServer({ operationId, server }: ToBeMade & OperationInput): Promise<void> {
  const { name } = server
  await machines.createMachine.executeWithOptions({ summary: `create the machine of ${name}` }, [{ operationId, server }])
  await remote.takeHostKey.executeWithOptions({ summary: `take the host key of ${name}` }, [{ operationId, server }])
}
