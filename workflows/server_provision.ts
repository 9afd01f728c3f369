import { ApplicationFailure } from '@temporalio/workflow'
import type { OperationInput } from '../activities/operations.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { buyServer } from './buy-server.ts'
import { untilCommitted } from './converge.ts'
import { settleFirewalls } from './firewalls.ts'
import { asOperation, together } from './operation.ts'
import { control, remote, watch } from './proxies.ts'

type Target = Parameters<typeof remote.closeAccess>[0]

/** Makes a server ready that its user gave the address of, the nine steps of specification section 4, proven by new connections. */
export async function server_provision({ operationId }: OperationInput): Promise<void> {
  await asOperation({ operationId }, async () => {
    await untilCommitted({ operationId, of: operationId }, async () => {
      const server = await control.planProvisioning({ operationId })
      if (server.isToBeMade) await buyServer({ operationId, server })
      const target = { operationId, server }
      const told = (what: string) => ({ summary: `${what} ${server.name}` })

      const arrival = await remote.reachServer.executeWithOptions(told('reach'), [target])
      await watch.awaitSystem.executeWithOptions(told('await the system of'), [target])
      await remote.createUser.executeWithOptions(told('create the user keystone on'), [target])
      await remote.handOver.executeWithOptions(told('take over'), [target])
      await watch.installPackages.executeWithOptions(told('install packages on'), [target])
      await together([
        () => watch.installDocker.executeWithOptions(told('install Docker on'), [target]),
        () => remote.banAttackers.executeWithOptions(told('ban attackers of'), [{ ...target, arrival }]),
        () => remote.keepUpToDate.executeWithOptions(told('keep up to date'), [target]),
      ], (part) => part())
      await settleFirewalls({ operationId, of: operationId, order: stepNumbers.serverProvision.firewall })
      await closeAccess({ ...target, arrival, attempt: 0 })
      await remote.verifyServer.executeWithOptions(told('verify'), [target])
    })
    return 'active'
  })
}

/** A worker that was away for too long finds everything open again. */
const attempts = 3

async function closeAccess(input: Target): Promise<void> {
  const { server, attempt } = input
  await remote.closeAccess.executeWithOptions({ summary: `close access to ${server.name}` }, [input])
  const isProven = await remote.proveAccess.executeWithOptions({ summary: `prove access to ${server.name}` }, [input])
  if (isProven) return
  if (attempt + 1 === attempts) throw notProven(server.name)
  await closeAccess({ ...input, attempt: attempt + 1 })
}

function notProven(server: string): ApplicationFailure {
  const message = `No new connection to ${server} could be made in time after it had been closed; it is open again.`
  const failure = { code: 'access_not_proven', message, server, hint: 'Check that its SSH port can be reached from Keystone, then provision it again.' }
  return ApplicationFailure.create({ type: failure.code, message, nonRetryable: true, details: [failure] })
}
