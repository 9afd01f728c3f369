import { buildCommand } from '@stricli/core'
import { type CliContext, organisationFlags } from '../context.ts'
import { environmentParam, namedEnvironments, serviceIdOf } from '../environments.ts'
import { CliError, exitCodes } from '../errors.ts'
import { follow, followSilently } from '../follow.ts'
import { inOrganisation, isId, type OrganisationSession } from '../session.ts'
import { environmentParameter, type FollowFlags } from './operations.ts'
import { type LogFlags, showLogs } from './runtime-logs.ts'

const text = (brief: string, placeholder: string) => ({ kind: 'parsed', parse: String, optional: true, brief, placeholder }) as const

export const logs = buildCommand({
  docs: {
    brief: 'What the containers of an environment write, or what the steps of an operation wrote',
    fullDescription: 'keystone logs shop/production -f. With the id of an operation: what its steps wrote. The other flags are for environments.',
  },
  parameters: {
    flags: {
      ...organisationFlags,
      follow: { kind: 'boolean', brief: 'Go on with what comes; of an operation: to its end, and exit code 0 only when it has succeeded', default: false },
      service: text('One service alone', 'name'),
      replica: text('One replica alone, by its id or the end of that', 'id'),
      since: text('From this moment on, or this long ago: 10m, 2h, 3d or 2026-11-22T16:00:00Z', 'time'),
      tail: text('So many last lines of each container, 100 unless told, at most 1000', 'lines'),
    },
    aliases: { f: 'follow', n: 'tail' },
    positional: { kind: 'tuple', parameters: [{ ...environmentParameter, brief: 'An environment, or the id of an operation', placeholder: 'env' }] },
  },
  async func(this: CliContext, { service, replica, since, tail, ...flags }: FollowFlags & LogFlags, wanted: string) {
    const session = await inOrganisation(this, flags)
    const wish = { service, replica, since, tail }
    if (await isOperation(session, wanted)) {
      const [unfit] = Object.entries(wish).flatMap(([name, value]) => (value === undefined ? [] : [name]))
      if (unfit !== undefined) throw new CliError(exitCodes.usage, `--${unfit} is for environments, and ${wanted} is an operation.`)
      return operationLogs(this, session, { operationId: wanted, flags })
    }
    const param = await environmentParam(session, wanted)
    const serviceId = service === undefined ? undefined : await serviceIdOf(session, param, service)
    await showLogs(this, session, { param, flags, query: { ...(replica !== undefined && isId(replica) ? { replicaId: replica } : {}), serviceId, since, tail }, replica })
  },
})

/** Ids that are of no environment. */
const isOperation = async (session: OrganisationSession, wanted: string): Promise<boolean> =>
  isId(wanted) && (await namedEnvironments(session)).every(({ id }) => id !== wanted)

interface OperationLogs {
  operationId: string
  flags: FollowFlags
}

async function operationLogs(context: CliContext, session: OrganisationSession, { operationId, flags }: OperationLogs): Promise<void> {
  const { client, ask, show } = session
  const param = { ...session.param, operationId }
  if (flags.follow) return flags.json ? followSilently(context, session, operationId) : follow(context, session, operationId)
  if (flags.json) return show(await ask(client.output.logs.$get({ param, query: {} })), () => '')
  const response = await client.output['logs.txt'].$get({ param })
  if (!response.ok || !response.body) return void (await ask(Promise.resolve(response)))
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) context.process.stdout.write(piece)
}
