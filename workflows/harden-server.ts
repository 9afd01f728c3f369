import { ApplicationFailure } from '@temporalio/workflow'
import type { OperationInput } from '../activities/operations.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { settleFirewalls } from './firewalls.ts'
import { together } from './operation.ts'
import { remote, watch } from './proxies.ts'
import { told } from './told.ts'

type Attempt = Parameters<typeof remote.closeAccess>[0]
type Hardening = Omit<Attempt, 'attempt'> & OperationInput

/** Brings a server that Keystone's own user can log in to to today's rules, and proves them by new connections. What is so already stays. */
export async function hardenServer({ arrival, ...target }: Hardening): Promise<void> {
  const { operationId, server } = target
  await watch.installPackages.executeWithOptions(told('install packages on', server), [target])
  await together([
    () => watch.installDocker.executeWithOptions(told('install Docker on', server), [target]),
    () => remote.banAttackers.executeWithOptions(told('ban attackers of', server), [{ ...target, arrival }]),
    () => remote.keepUpToDate.executeWithOptions(told('keep up to date', server), [target]),
  ], (part) => part())
  await settleFirewalls({ operationId, of: operationId, order: stepNumbers.serverProvision.firewall })
  await closeAccess({ ...target, arrival, attempt: 0 })
  await remote.verifyServer.executeWithOptions(told('verify', server), [target])
}

/** A worker that was away for too long finds everything open again. */
const attempts = 3

async function closeAccess(input: Attempt): Promise<void> {
  const { server, attempt } = input
  await remote.closeAccess.executeWithOptions(told('close access to', server), [input])
  const isProven = await remote.proveAccess.executeWithOptions(told('prove access to', server), [input])
  if (isProven) return
  if (attempt + 1 === attempts) throw notProven(server.name)
  await closeAccess({ ...input, attempt: attempt + 1 })
}

function notProven(server: string): ApplicationFailure {
  const message = `No new connection to ${server} could be made in time after it had been closed; it is as open as it was before.`
  const failure = { code: 'access_not_proven', message, server, hint: 'Check that its SSH port can be reached from Keystone, then start the operation again.' }
  return ApplicationFailure.create({ type: failure.code, message, nonRetryable: true, details: [failure] })
}
