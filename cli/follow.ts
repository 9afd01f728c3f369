import type { OperationTree } from './client.ts'
import type { CliContext } from './context.ts'
import { CliError, exitCodes } from './errors.ts'
import { lastingEvents } from './events.ts'
import type { OrganisationSession } from './session.ts'
import { ending } from './view/ending.ts'
import { createLineView, createLiveView, type View } from './view/watching.ts'

/** Shows an operation to its end and how it ended. Throws a CliError where it did not succeed. */
export async function follow(context: CliContext, session: OrganisationSession, operationId: string): Promise<void> {
  const { terminal, process: { stderr, stdout } } = context
  const view = terminal.isLive ? createLiveView((text) => stdout.write(text), terminal) : createLineView((text) => stdout.write(text))
  const tree = await watched(session, operationId, { view, trouble: (text) => stderr.write(text) })
  if (tree.status !== 'succeeded') throw new CliError(endedBadly(tree), ending(tree, terminal.paint).trimEnd())
  stdout.write(ending(tree, terminal.paint))
}

/** As `follow`, for --json: nothing is printed but the operation as it is in the end. */
export async function followSilently(context: CliContext, session: OrganisationSession, operationId: string): Promise<void> {
  const silent: View = { changed() {}, written() {}, end() {} }
  const tree = await watched(session, operationId, { view: silent, trouble: (text) => context.process.stderr.write(text) })
  session.show(tree, () => '')
  if (tree.status !== 'succeeded') throw new CliError(endedBadly(tree), ending(tree, context.terminal.paint).trimEnd())
}

export const endedBadly = ({ status }: OperationTree): number => (status === 'failed' ? exitCodes.failed : exitCodes.cancelled)

export interface Watching {
  view: View
  trouble(text: string): void
}

/** Goes on where it was when the connection or the API went away, for as long as it takes; returns the tree in the end. */
export async function watched(session: OrganisationSession, operationId: string, { view, trouble }: Watching): Promise<OperationTree> {
  const param = { ...session.param, operationId }
  const open = (lastEventId: string | undefined) => session.client.output.events.$get({ param, header: { 'last-event-id': lastEventId } })
  let tree: OperationTree | undefined
  try {
    for await (const { event, data } of lastingEvents(session, { open, trouble })) {
      if (event === 'operation') view.changed((tree = JSON.parse(data)))
      if (event === 'logs') view.written(JSON.parse(data))
      if (event === 'end' && tree) return tree
    }
    throw new Error('events that last have ended')
  } finally {
    view.end()
  }
}
