import { ApplicationFailure } from '@temporalio/workflow'
import type { RebootWork } from '../activities/reboots.ts'
import type { Failure } from '../domain/operations.ts'
import { stepNumbers, stepsPerGateway } from '../domain/step-numbers.ts'
import { handOver } from './complete-deploy.ts'
import { failureOf, orWarn, together } from './operation.ts'
import { control, knock, remote, watch } from './proxies.ts'
import { publish } from './publish.ts'

const numbers = stepNumbers.serverReboot

type Completion = Awaited<ReturnType<typeof control.planRebootCompletion>>

/**
 * What follows the commit point of a reboot: who ticks there hands over, the server restarts, and is used again when it has proven itself.
 * Where it does not come back the operation fails, and its replicas stay out of the gateways until it does.
 */
export async function completeReboot(work: RebootWork): Promise<void> {
  await orAbandon(work, async (server) => {
    await handOverAll(work, server)
    await watch.rebootServer.executeWithOptions({ summary: `reboot ${server.serverName}` }, [{ ...work, ...server }])
    await bringBack(work, server)
  })
}

/** The same of one that has failed: whoever has started the server since, it is not restarted once more. */
export async function returnFromReboot(work: RebootWork): Promise<void> {
  await orAbandon(work, async (server) => {
    const { serverId, serverName } = server
    await knock.askServer.executeWithOptions({ summary: `ask whether ${serverName} answers` }, [{ ...work, serverId }])
    await bringBack(work, server)
  })
}

async function orAbandon(work: RebootWork, complete: (server: Completion) => Promise<void>): Promise<void> {
  const server = await control.planRebootCompletion(work)
  try {
    if (!server.isGone) await complete(server)
    await control.recordRebooted(work)
  } catch (error) {
    const cause = failureOf(error)
    await control.abandonReboot({ ...work, isSilent: isSilent(cause) })
    throw notBack(server.serverName, cause)
  }
}

/** Minutes without a tick are none of a reboot's that another server can tick; where nobody can, they are left out. */
async function handOverAll({ operationId, of }: RebootWork, { handovers }: Completion): Promise<void> {
  await together(handovers, (handover, index) =>
    orWarn({ of, code: 'scheduler_not_handed_over' }, 'the scheduler was not handed over', () => handOver({ operationId, index, numbers }, handover)),
  )
}

async function bringBack(work: RebootWork, { serverId, serverName }: Completion): Promise<void> {
  const { operationId } = work
  const server = { operationId, serverId, serverName }
  await watch.resumeContainers.executeWithOptions({ summary: `await the containers of ${serverName}` }, [server])
  await remote.verifyRebooted.executeWithOptions({ summary: `verify ${serverName}` }, [server])
  const gateways = await control.enterGateways(work)
  await together(gateways, ({ environmentIds, ...gateway }, index) =>
    publish({ operationId, ...gateway, change: 'enter', owned: { environmentIds }, order: numbers.enter + stepsPerGateway * index }),
  )
}

/** Nothing is known of it but that nobody gets in. */
const isSilent = ({ code }: Failure): boolean => code.startsWith('ssh_')

function notBack(server: string, cause: Failure): ApplicationFailure {
  const rest = 'Its replicas stay out of the gateways for now: Keystone looks after it again and again, and puts them back once it is as it should be.'
  const message = `${server} has not come back from its reboot: ${cause.message} ${rest}`
  const rescue = `Look at its console and start it. If it is gone for good, place what runs there on other servers, deploy that, and remove ${server}.`
  const hint = cause.code === 'ssh_unreachable' ? rescue : (cause.hint ?? rescue)
  const failure: Failure = { server, ...cause, code: isSilent(cause) ? 'server_not_back' : cause.code, message, hint }
  return ApplicationFailure.create({ type: failure.code, message: failure.message, nonRetryable: true, details: [failure] })
}
