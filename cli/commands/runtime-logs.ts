import type { RuntimeLine, SilentServer } from '../client.ts'
import type { CliContext } from '../context.ts'
import type { EnvironmentParam } from '../environments.ts'
import { CliError, exitCodes } from '../errors.ts'
import { lastingEvents } from '../events.ts'
import type { OrganisationSession } from '../session.ts'
import { runtimeLine } from '../view/runtime-line.ts'
import type { FollowFlags } from './operations.ts'

export interface LogFlags {
  service?: string
  replica?: string
  since?: string
  tail?: string
}

interface Shown {
  param: EnvironmentParam
  flags: FollowFlags
  query: { serviceId?: string | undefined; replicaId?: string | undefined; since?: string | undefined; tail?: string | undefined }
  /** Or what its id ends with; undefined: all. */
  replica: string | undefined
}

/** Prints what containers have written, and write where that is followed; servers that do not answer are told of on standard error. */
export async function showLogs(context: CliContext, session: OrganisationSession, { param, flags, query, replica = '' }: Shown): Promise<void> {
  const { client, ask, show } = session
  const { process, terminal } = context
  const trouble = (text: string) => process.stderr.write(text)
  const isMeant = ({ replicaId }: RuntimeLine) => replicaId.endsWith(replica)
  const written = flags.json ? (line: RuntimeLine) => JSON.stringify(line) : (line: RuntimeLine) => runtimeLine(line, terminal.paint)
  const print = (lines: readonly RuntimeLine[]) => process.stdout.write(lines.filter(isMeant).map((line) => `${written(line)}\n`).join(''))
  const tellSilent = ({ message }: SilentServer) => trouble(`${message}\n`)
  if (!flags.follow) {
    const answer = await ask(client.logs.$get({ param, query }))
    answer.silent.forEach(tellSilent)
    if (answer.isCut) trouble('There is more than one answer holds: ask for one service, a shorter time or fewer lines.\n')
    if (flags.json) show({ ...answer, items: answer.items.filter(isMeant) }, () => '')
    else print(answer.items)
    return
  }
  const open = (lastEventId: string | undefined) => client.logs.events.$get({ param, query, header: { 'last-event-id': lastEventId } })
  for await (const { event, data } of lastingEvents(session, { open, trouble })) {
    if (event === 'lines') print(JSON.parse(data))
    if (event === 'silent') tellSilent(JSON.parse(data))
    if (event === 'end') throw new CliError(exitCodes.unreachable, 'There is no server left that could tell anything.')
  }
}
