import { processEnvironment } from '../config.ts'
import { start } from './start.ts'
import { deep } from './tests/deep.ts'
import { type Project, projects } from './tests/project.ts'
import { test } from './tests/run.ts'

const usage = [
  'node start.mjs start [--demo]      all of Keystone on this machine, until Ctrl-C; with a real deploy onto a throwaway server',
  `node start.mjs test [PROJECT…]     type check, lint and all tests, or only these: ${projects.join(', ')}`,
  'node start.mjs deep SUITE          one of the long suites in test/deep; their names where none is given',
].join('\n')

const began = Date.now()
const say = (line: string) => console.log(`${((Date.now() - began) / 1000).toFixed(1).padStart(6)} s  ${line}`)

/** Returns the exit code. */
async function main([command, ...rest]: readonly string[]): Promise<number> {
  const isStart = command === 'start' && (rest.length === 0 || isDemo(rest))
  if (isStart) return start(processEnvironment, { told: told(), isDemo: isDemo(rest) }, say)
  if (command === 'test' && rest.every(isProject)) return test(processEnvironment, rest, say)
  if (command === 'deep') return deep(processEnvironment, rest, say)
  console.error(usage)
  return 2
}

/** Signals after the first change nothing: npm passes on a Ctrl-C that the terminal has sent already. */
function told(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, resolve)
  })
}

const isDemo = (words: readonly string[]) => words.length === 1 && words[0] === '--demo'

const isProject = (word: string): word is Project => projects.some((project) => project === word)

/** Whatever is still under way, such as a build of the Temporal CLI, ends with us. */
try {
  process.exit(await main(process.argv.slice(2)))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}
