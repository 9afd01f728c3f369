import type { Operation } from '../client.ts'
import type { Paint } from '../terminal.ts'
import { duration } from './duration.ts'

/** How an operation has ended: what came of it, or what failed and what to do. */
export function ending(operation: Operation, paint: Paint): string {
  const { status, summary, outcome, failure, warnings, startedAt, finishedAt } = operation
  const took = startedAt === null ? '' : ` after ${duration(startedAt, finishedAt, Date.now())}`
  const lines = [paint(status === 'succeeded' ? 'green' : 'red', `${summary}: ${outcome ?? status}${took}`), ...(failure ? failureLines(failure) : [])]
  const warned = warnings.map(({ message, hint }) => `${paint('yellow', 'Warning:')} ${message}${hint === null ? '' : ` ${hint}`}`)
  return [...lines, ...warned, ''].join('\n')
}

function failureLines({ message, server, step, exitCode, command, tail, hint }: NonNullable<Operation['failure']>): string[] {
  const where = [step && `step ${step}`, server && `on ${server}`, exitCode !== undefined && `exit code ${exitCode}`].filter(Boolean)
  return [
    `  ${message}`,
    ...(where.length > 0 ? [`  ${where.join(', ')}`] : []),
    ...(command === undefined ? [] : [`  $ ${command}`]),
    ...(tail === undefined ? [] : tail.trimEnd().split('\n').map((line) => `  | ${line}`)),
    ...(hint === undefined ? [] : [`  ${hint}`]),
  ]
}
