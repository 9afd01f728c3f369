#!/usr/bin/env node
import { proposeCompletions, run } from '@stricli/core'
import { application } from './application.ts'
import { completionWord } from './completion.ts'
import { exitCodes } from './errors.ts'
import { createTerminal } from './terminal.ts'

const { env, stdout } = process
const context = { process, env, terminal: createTerminal(process, env) }
const [first, ...words] = process.argv.slice(2)

// As in `keystone logs … | head`: who has read enough hangs up.
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})

if (first === completionWord) {
  const proposed = await proposeCompletions(application, words, context)
  stdout.write(proposed.map(({ completion }) => `${completion}\n`).join(''))
} else {
  await run(application, process.argv.slice(2), context)
  // The library's own codes, for what it cannot make sense of, are negative.
  if (Number(process.exitCode) < 0) process.exitCode = exitCodes.usage
}
