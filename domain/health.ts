import { isNearlyFull } from './checks.ts'
import type { Measures } from './observations.ts'

export const serverHealths = ['healthy', 'degraded', 'unreachable', 'unknown'] as const
export type ServerHealth = (typeof serverHealths)[number]

export const healthReasonCodes = ['unreachable', 'not_looked_at', 'docker_silent', 'disk_nearly_full', 'memory_nearly_full', 'overloaded', 'clock_wrong', 'drift'] as const

/** What a server lacks, and what its owner can do. */
export interface HealthReason {
  code: (typeof healthReasonCodes)[number]
  message: string
  hint: string
}

/** What is known of a server from the newest look at it; null where there was none. */
export interface Known {
  name: string
  latest: { observedAt: Date; isReachable: boolean; failure: string | null; measures: Measures | null } | null
  /** How many differences are open. */
  differences: number
  now: Date
}

/** Three rounds of the Schedule: then it does not run, and nothing is known any more. */
const staleMilliseconds = 15 * 60_000

/** How a server is, and everything that keeps it from being healthy. */
export function serverHealth(known: Known): { status: ServerHealth; reasons: HealthReason[] } {
  const { name, latest, now } = known
  if (latest === null || now.getTime() - latest.observedAt.getTime() > staleMilliseconds) {
    const message = latest === null ? `${name} was never looked at.` : `${name} was last looked at ${latest.observedAt.toISOString()}.`
    return { status: 'unknown', reasons: [{ code: 'not_looked_at', message, hint: 'A worker has to run: it looks at each server every five minutes once that is provisioned.' }] }
  }
  const { isReachable, failure, measures } = latest
  if (!isReachable || measures === null) {
    const hint = 'Check that the server runs and that its SSH port can be reached from here.'
    return { status: 'unreachable', reasons: [{ code: 'unreachable', message: failure ?? `${name} does not answer.`, hint }] }
  }
  const reasons = [...measured(name, measures), ...differing(known)]
  return { status: reasons.length === 0 ? 'healthy' : 'degraded', reasons }
}

/** Below a twentieth the kernel begins to end processes. */
const leastMemoryShare = 0.05
const mostLoadPerCpu = 4
/** TLS and tokens bear less than a minute; what is further off has no time service that works. */
const mostClockMs = 10_000

function measured(name: string, measures: Measures): HealthReason[] {
  const { diskFreeMb, diskTotalMb, memoryAvailableMb, memoryTotalMb, load, cpus, clockAheadMs, docker } = measures
  const seconds = Math.round(Math.abs(clockAheadMs) / 1000)
  const found: [boolean, HealthReason][] = [
    [docker === null, { code: 'docker_silent', message: `Docker on ${name} does not answer.`, hint: 'Look at `systemctl status docker` and `journalctl -u docker` on the server.' }],
    [
      isNearlyFull(diskFreeMb),
      { code: 'disk_nearly_full', message: `Only ${diskFreeMb} of ${diskTotalMb} MB of the disk of ${name} are left.`, hint: 'Keep fewer releases (releaseRetention), remove what is no longer needed, or enlarge the disk.' },
    ],
    [
      memoryAvailableMb < memoryTotalMb * leastMemoryShare,
      { code: 'memory_nearly_full', message: `Only ${memoryAvailableMb} of ${memoryTotalMb} MB of the memory of ${name} are available.`, hint: 'Give services memory limits, have fewer replicas there, or take a larger server.' },
    ],
    [load > cpus * mostLoadPerCpu, { code: 'overloaded', message: `The load of ${name} is ${load} on ${cpus} CPUs.`, hint: 'Have fewer replicas there, or take a larger server.' }],
    [
      Math.abs(clockAheadMs) > mostClockMs,
      { code: 'clock_wrong', message: `The clock of ${name} is ${seconds} s ${clockAheadMs > 0 ? 'ahead of' : 'behind'} Keystone's.`, hint: 'Look at `timedatectl` on the server: its time service does not run.' },
    ],
  ]
  return found.flatMap(([isSo, reason]) => (isSo ? [reason] : []))
}

function differing({ name, differences }: Known): HealthReason[] {
  if (differences === 0) return []
  const message = differences === 1 ? `One thing on ${name} is not as Keystone made it.` : `${differences} things on ${name} are not as Keystone made them.`
  return [{ code: 'drift', message, hint: 'GET …/drift tells what, and what you can do.' }]
}
