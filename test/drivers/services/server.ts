import { randomBytes } from 'node:crypto'
import type { ServiceStep } from '../../../drivers/services/contract.ts'
import type { CommandResult, Remote } from '../../../drivers/ssh/remote.ts'

export interface Outcome<Facts> extends CommandResult {
  result: string
  /** What the step reported; throws when it failed. */
  facts(): Facts
}

/** Runs service steps on one server, as user keystone and through the SSH driver, as the engine does. */
export interface TestServer {
  exec(argv: readonly string[], stdin?: string): Promise<CommandResult>
  /** A step that was run under the same hash before is attached to. */
  run<Facts>(step: ServiceStep<Facts>, hash?: string): Promise<Outcome<Facts>>
  /** Ends a running step as a reboot does: without an exit code, so that the next `run` starts the script again. */
  kill(hash: string): Promise<void>
  /** Has the next `run` under this hash start the script again although it ended. */
  forgetEnd(hash: string): Promise<void>
}

export function testServer(remote: Remote): TestServer {
  const exec = (argv: readonly string[], stdin?: string) => remote.command(argv, { ...(stdin === undefined ? {} : { stdin }), timeoutSeconds: 120 })
  return {
    exec,
    async run(step, hash = randomBytes(6).toString('hex')) {
      const output = { out: '', err: '' }
      const durable = { hash, order: 1, user: 'keystone', name: step.name, script: step.script, inputs: step.inputs, secrets: step.secrets, files: step.files } as const
      const { exitCode, result } = await remote.step(durable, {
        stored: null,
        signal: new AbortController().signal,
        onChunk: async ({ stream, bytes }) => void (output[stream] += bytes.toString()),
      })
      const facts = () => {
        if (exitCode !== 0) throw new Error(`${step.name} failed (${exitCode}):\n${output.out}\n${output.err}`)
        return step.parse(result)
      }
      return { exitCode, stdout: output.out, stderr: output.err, result, facts }
    },
    kill: async (hash) => void (await exec(['sudo', 'systemctl', 'kill', '--signal=KILL', `keystone-${hash}-01`])),
    forgetEnd: async (hash) => void (await exec(['sh', '-c', 'rm /home/keystone/operations/"$1"/*/exit', '-', hash])),
  }
}

/** Asks until the answer is there; the test's own timeout ends it. */
export async function until<T>(ask: () => Promise<T | null>): Promise<T> {
  for (;;) {
    const answer = await ask()
    if (answer !== null) return answer
  }
}
