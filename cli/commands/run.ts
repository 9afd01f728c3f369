import { buildCommand } from '@stricli/core'
import type { Operation, OperationTree } from '../client.ts'
import { type CliContext, type OrganisationFlags, organisationFlags } from '../context.ts'
import { environmentParam, serviceIdOf } from '../environments.ts'
import { CliError, exitCodes } from '../errors.ts'
import { endedBadly, watched } from '../follow.ts'
import { inOrganisation, type OrganisationSession } from '../session.ts'
import { createCommandView } from '../view/command.ts'
import { ending } from '../view/ending.ts'
import { environmentParameter } from './operations.ts'

interface RunFlags extends OrganisationFlags {
  service?: string
  detach: boolean
}

export const run = buildCommand({
  docs: {
    brief: 'Run a command with what is live, in a container of its own',
    fullDescription:
      'keystone run shop/production -- php artisan about. Its output comes as it is written, and its exit code is that of this command. One ' +
      'word alone is a line for the shell of the container. Ctrl-C ends it there, once more leaves it to itself.',
  },
  parameters: {
    flags: {
      ...organisationFlags,
      service: { kind: 'parsed', parse: String, optional: true, brief: 'With the variables and volumes of this service instead of that for the web', placeholder: 'name' },
      detach: { kind: 'boolean', brief: 'Do not wait for it', default: false },
    },
    aliases: { d: 'detach' },
    positional: { kind: 'array', minimum: 2, parameter: { ...environmentParameter, brief: 'The environment, then --, then the command', placeholder: 'env command' } },
  },
  async func(this: CliContext, { service, detach, ...flags }: RunFlags, environment: string, ...words: string[]) {
    const session = await inOrganisation(this, flags)
    const { client, ask } = session
    const param = await environmentParam(session, environment)
    const serviceId = service === undefined ? undefined : await serviceIdOf(session, param, service)
    const [line] = words
    const command = line !== undefined && words.length === 1 ? line : words
    const operation = await ask(client.commands.$post({ param, json: { command, serviceId }, header: {} }))
    if (detach) return session.show(operation, ({ id, summary, status }) => `${summary}: ${status}. See what it writes: keystone logs ${id} -f\n`)
    await attended(this, session, { operation, command, isJson: flags.json })
  },
})

interface Attended {
  operation: Operation
  command: string | readonly string[]
  isJson: boolean
}

/** Shows what it writes to its end, and ends as it does. Throws a CliError where that is not by itself. */
async function attended(context: CliContext, session: OrganisationSession, { operation, command, isJson }: Attended): Promise<void> {
  const { terminal, process } = context
  const { stdout, stderr } = process
  const trouble = (text: string) => stderr.write(text)
  if (operation.status === 'queued') trouble('It waits until what is under way in the environment has ended …\n')
  const forget = terminal.onInterrupt(() => void cancel(session, operation.id).then(trouble))
  const view = createCommandView(command, { out: (text) => (isJson ? stderr : stdout).write(text), err: trouble })
  const tree = await watched(session, operation.id, { view, trouble }).finally(forget)
  if (isJson) session.show(tree, () => '')
  const exitCode = exitCodeOf(tree)
  if (exitCode === null) throw new CliError(endedBadly(tree), ending(tree, terminal.paint).trimEnd())
  process.exitCode = exitCode
}

/** Of the command itself; null where it did not end by itself. */
function exitCodeOf({ status, failure }: OperationTree): number | null {
  if (status === 'succeeded') return 0
  return status === 'failed' && failure?.code === 'step_failed' && failure.exitCode !== undefined ? failure.exitCode : null
}

/** What the user is told: it may have ended meanwhile, which then shows. */
async function cancel({ client, ask, param }: OrganisationSession, operationId: string): Promise<string> {
  try {
    await ask(client.operations[':operationId'].cancel.$post({ param: { ...param, operationId }, header: {} }))
    return 'It is being ended. Ctrl-C once more leaves it to itself.\n'
  } catch (error) {
    if (error instanceof CliError && error.exitCode === exitCodes.refused) return `${error.message}\n`
    return `It could not be ended: keystone cancel ${operationId}\n`
  }
}
