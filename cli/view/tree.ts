import type { Operation, OperationTree, Step } from '../client.ts'
import type { Colour, Paint } from '../terminal.ts'
import { duration } from './duration.ts'

type Status = Operation['status'] | Step['status']

const marks: Record<Status, [mark: string, colour: Colour]> = {
  queued: ['○', 'dim'],
  pending: ['○', 'dim'],
  running: ['●', 'cyan'],
  recovering: ['●', 'yellow'],
  succeeded: ['✔', 'green'],
  failed: ['✖', 'red'],
  cancelled: ['■', 'yellow'],
  superseded: ['■', 'yellow'],
}

export interface Look {
  paint: Paint
  /** Milliseconds. */
  now: number
}

/** An operation with its steps and what is part of it, a line each; of a part that has succeeded only its own line. */
export function treeLines(tree: OperationTree, look: Look, depth = 0): string[] {
  const own = line({ ...tree, label: tree.summary }, look, depth)
  if (depth > 0 && tree.status === 'succeeded') return [own]
  const steps = tree.steps.map((step) => line({ ...step, label: stepLabel(step) }, look, depth + 1))
  return [own, ...steps, ...tree.children.flatMap((child) => treeLines(child, look, depth + 1))]
}

interface Lined {
  status: Status
  label: string
  startedAt: string | null
  finishedAt: string | null
}

function line({ status, label, startedAt, finishedAt }: Lined, { paint, now }: Look, depth: number): string {
  const [mark, colour] = marks[status]
  const detail = ['running', 'succeeded'].includes(status) ? '' : status
  const rest = [detail, duration(startedAt, finishedAt, now)].filter((text) => text !== '').join(', ')
  return `${'  '.repeat(depth)}${paint(colour, mark)} ${label}${rest === '' ? '' : paint('dim', `  ${rest}`)}`
}

export const stepLabel = ({ name, server }: Pick<Step, 'name' | 'server'>): string => (server ? `${name} on ${server.name}` : name)

/** All steps of an operation and of what is part of it. */
export const stepsOf = (tree: OperationTree): Step[] => [...tree.steps, ...tree.children.flatMap(stepsOf)]
