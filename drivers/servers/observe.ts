import { z } from 'zod'
import type { Seen } from '../../domain/observations.ts'
import type { CommandResult } from '../ssh/remote.ts'
import { textBeside } from '../services/scripts.ts'
import { readRules, toldRules } from './rules.ts'

const script = textBeside(import.meta.url, 'observe.sh')

/** What is to be looked at on a server. */
export interface Look {
  organisationId: string
  /** Files whose hashes are asked for. */
  paths: readonly string[]
  /** The gateway that runs here, and its driver's function that tells about it (`Gateway.lookScript`). */
  gateway: { containerName: string; lookScript: string } | null
}

/** The command that looks, for `Remote.command`: a single round trip that changes nothing, as Keystone's user. */
export function observation({ organisationId, paths, gateway }: Look): { argv: string[]; stdin: string } {
  const parts = ['files', 'containers', 'firewall', 'rules', ...(gateway ? ['gateway'] : []), 'measures']
  const text = [script, ...(gateway ? [gateway.lookScript] : []), `tell ${parts.join(' ')}`].join('\n')
  const inputs = [`ORGANISATION=${organisationId}`, `GATEWAY=${gateway?.containerName ?? ''}`]
  return { argv: ['env', ...inputs, 'bash', '-c', text], stdin: paths.map((path) => `${path}\n`).join('') }
}

const id = z.uuid().nullable().catch(null)

const container = z
  .object({
    ...{ id: z.string(), name: z.string(), image: z.string(), status: z.string(), exitCode: z.int(), restarts: z.int() },
    ...{ environmentId: id, serviceId: id, replicaId: id, scheduler: z.string().nullable(), oneOff: z.string().nullable() },
    health: z.enum(['starting', 'healthy', 'unhealthy', 'none']),
    ...{ nanoCpus: z.int(), memoryBytes: z.int() },
  })
  .transform(({ name, scheduler, nanoCpus, memoryBytes, ...seen }) => ({
    ...seen,
    name: name.replace(/^\//, ''),
    isScheduler: scheduler === 'yes',
    cpuLimit: nanoCpus === 0 ? null : nanoCpus / 1e9,
    memoryLimitMb: memoryBytes === 0 ? null : Math.round(memoryBytes / 2 ** 20),
  }))

const part = z.record(z.string(), z.unknown())
const count = z.int().nonnegative()

const told = z.object({
  containers: z.array(container).nullable(),
  files: z.record(z.string(), z.string().nullable()),
  firewall: z.string().nullable(),
  rules: toldRules.transform(readRules),
  gateway: z.object({ revision: count, sections: z.array(z.string()), fileHash: z.string(), runsItsFile: z.boolean() }).nullable().default(null),
  measures: z.object({
    ...{ diskFreeMb: count, diskTotalMb: count, memoryAvailableMb: count, memoryTotalMb: count },
    ...{ load: z.number(), cpus: count, uptimeSeconds: count, docker: z.string().nullable(), clock: z.int() },
  }),
})

/**
 * What the command has told; `moments` in Unix milliseconds by Keystone's own clock. What people run by hand in a container of its own
 * (`docker compose run`) is theirs and is left out. Throws a ZodError or SyntaxError where the server answers something else.
 */
export function readObservation({ stdout }: CommandResult, moments: { asked: number; answered: number }): Seen {
  const parts = stdout.trim().split('\n').map((line) => part.parse(JSON.parse(line)))
  const { containers, measures: { clock, ...measures }, ...seen } = told.parse(Object.assign({}, ...parts))
  const standing = containers?.filter(({ oneOff }) => oneOff !== 'True').map(({ oneOff: _, ...rest }) => rest) ?? null
  return { ...seen, containers: standing, measures: { ...measures, clockAheadMs: clockAhead(clock, moments) } }
}

/** Read at some moment between question and answer: as long as it may be right, it is. */
function clockAhead(clock: number, { asked, answered }: { asked: number; answered: number }): number {
  return clock > answered ? clock - answered : clock < asked ? clock - asked : 0
}
