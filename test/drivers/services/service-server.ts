import { randomBytes } from 'node:crypto'
import type { ServiceStep } from '../../../drivers/services/contract-step.ts'
import type { CommandResult } from '../../../drivers/ssh/remote.ts'
import type { Lab } from '../../lab/index.ts'
import { openServer, openTestLab, testPool, type TestFile, type TestLabOptions } from '../lab.ts'

export interface Outcome<Facts> extends CommandResult {
  result: string
  /** What the step reported; throws when it failed. */
  facts(): Facts
}

/** Runs service steps on one server, as user keystone and through the SSH driver, as the engine does. */
export interface ServiceServer {
  lab: Lab
  /** Where its gateway answers. */
  address: string
  exec(argv: readonly string[], stdin?: string): Promise<CommandResult>
  /** A step that was run under the same hash before is attached to. */
  run<Facts>(step: ServiceStep<Facts>, hash?: string): Promise<Outcome<Facts>>
  /** Ends a running step without an exit code, so that the next `run` starts the script again. */
  kill(hash: string): Promise<void>
  /** Has the next `run` under this hash start the script again although it ended. */
  forgetEnd(hash: string): Promise<void>
  reboot(): Promise<void>
  /** Takes the file's whole lab away. */
  close(): Promise<void>
}

export async function openServiceServer(file: TestFile, options: TestLabOptions = {}): Promise<ServiceServer> {
  const lab = await openTestLab(file, options)
  const server = await openServer(lab)
  const pool = testPool()
  const remote = pool.to(server.target)
  const exec: ServiceServer['exec'] = (argv, stdin) => remote.command(argv, { ...(stdin === undefined ? {} : { stdin }), timeoutSeconds: 120 })
  return {
    lab,
    address: server.address,
    exec,
    async run(step, hash = randomBytes(6).toString('hex')) {
      const output = { out: '', err: '' }
      const { exitCode, result } = await remote.step({ ...step, hash, order: 1, user: 'keystone' }, {
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
    reboot: () => server.reboot(),
    async close() {
      await pool.close()
      await lab.down()
    },
  }
}
