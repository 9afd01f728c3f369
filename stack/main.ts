import { start } from './start.ts'

const usage = `Usage: node start.mjs start    all of Keystone on this machine, until Ctrl-C`

const began = Date.now()
const say = (line: string) => console.log(`${((Date.now() - began) / 1000).toFixed(1).padStart(6)} s  ${line}`)

/** Returns the exit code. */
async function main([command, ...rest]: readonly string[]): Promise<number> {
  if (command === 'start' && rest.length === 0) {
    await start(process.env, told(), say)
    return 0
  }
  console.error(usage)
  return 2
}

/** Signals after the first change nothing: npm passes on a Ctrl-C that the terminal has sent already. */
function told(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, resolve)
  })
}

/** Whatever is still under way, such as a build of the Temporal CLI, ends with us. */
try {
  process.exit(await main(process.argv.slice(2)))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}
