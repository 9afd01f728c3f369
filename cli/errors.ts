import type { z } from 'zod'
import type { problemSchema } from '../api/schemas/problem.ts'

/** What a script can tell apart; docs/cli.md has them. As shells have it, an interrupted program ends with 128 and its signal's number. */
export const exitCodes = { refused: 1, usage: 2, failed: 3, cancelled: 4, unreachable: 5, unfinished: 6, interrupted: 130 } as const

/** What the user is told on standard error, and how the program ends. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly exitCode: number

  constructor(exitCode: number, message: string) {
    super(message)
    this.exitCode = exitCode
  }
}

/** An answer of the API that is no success, with the fields that it names. */
export function refusal({ detail, code, errors }: z.output<typeof problemSchema>): CliError {
  const fields = errors.map(({ field, message }) => `  ${field}: ${message}`)
  return new CliError(exitCodes.refused, [`${detail} (${code})`, ...fields].join('\n'))
}

export const unreachable = (url: string): CliError =>
  new CliError(exitCodes.unreachable, `Keystone does not answer at ${url}: check that it runs and that this is its address.`)
