import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { type CANCEL_SYMBOL, isCancel, log, password, select, text } from '@clack/prompts'
import { CliError, exitCodes } from '../errors.ts'

/** Who sits at the terminal. Every question throws a CliError where he leaves. */
export interface Person {
  tell(message: string): void
  complain(message: string): void
  /** The number of the option, from 0. */
  choose(question: string, options: readonly string[]): Promise<number>
  text(question: string, example: string): Promise<string>
  secret(question: string): Promise<string>
  /** The content of a file that he names. */
  file(question: string, example: string): Promise<string>
}

export function createPerson(): Person {
  const required = (value: string | undefined) => (value ? undefined : 'It is needed.')
  const ask = async (message: string, example: string) => answered(await text({ message, placeholder: example, validate: required }))
  return {
    tell: (message) => log.info(message),
    complain: (message) => log.error(message),
    choose: async (message, options) => answered(await select({ message, options: options.map((label, value) => ({ label, value })) })),
    text: ask,
    secret: async (message) => answered(await password({ message, validate: required })),
    async file(message, example) {
      for (;;) {
        const path = (await ask(message, example)).replace(/^~(?=\/)/, homedir())
        const content = await readFile(path, 'utf8').catch(() => null)
        if (content !== null) return content
        log.error(`${path} cannot be read.`)
      }
    },
  }
}

function answered<Value>(value: Value | typeof CANCEL_SYMBOL): Value {
  if (isCancel(value)) throw new CliError(exitCodes.interrupted, 'What is done stays done: keystone init goes on from here.')
  return value
}
