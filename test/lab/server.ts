import { docker, inspect } from './docker.ts'
import type { LabPlan } from './network.ts'
import { speaksSsh } from './probe.ts'
import { rootKey } from './root-key.ts'
import type { RunOptions } from './run.ts'
import { until } from './until.ts'

/** A server as one buys it: Debian with systemd and sshd, root by key. */
export interface LabServer {
  /** In its lab, `s1`. */
  name: string
  /** Its container's on this machine, `e2e-s1`. */
  container: string
  address: string
  privateAddress: string
  /** `ssh-ed25519 AAAA…` */
  hostKey: string
  /** The private key (OpenSSH text) of root. */
  rootKey: string
  /** Runs a command as root beside ssh, for a test's own looking; returns its stdout. Throws a CommandError. */
  exec(argv: readonly string[], options?: Pick<RunOptions, 'input' | 'timeoutSeconds'>): Promise<string>
  isReachable(): Promise<boolean>
  /** Returns when the server is up again. */
  reboot(): Promise<void>
  /** From its next reboot on it is off. */
  stayOff(): Promise<void>
  isOff(): Promise<boolean>
  /** Somebody starts one that is off; returns when it is up. */
  start(): Promise<void>
  /** Every process of its own hangs; connections are accepted and stay silent. */
  pause(): Promise<void>
  unpause(): Promise<void>
  remove(): Promise<void>
}

/** A container that has run for less is started again the later, the more often it happens. */
const backoffSeconds = 10

/** Returns when the server has booted: sshd answers and systemd has started all it will. */
export async function bootedServer(plan: LabPlan, name: string, number: number): Promise<LabServer> {
  const container = `${plan.name}-${name}`
  const { address, privateAddress } = plan.addressesOf(number)
  const exec: LabServer['exec'] = (argv, options) => docker(['exec', '--interactive', container, ...argv], options)
  const isReachable = () => speaksSsh(address)

  const booted = async () => {
    await until(`sshd of ${container}`, isReachable)
    await exec(['sh', '-c', 'systemctl is-system-running --wait || true'])
  }
  const startedAt = () => inspect(container, '{{.State.StartedAt}}')

  await booted()
  const [keyType, key] = (await exec(['cat', '/etc/ssh/ssh_host_ed25519_key.pub'])).split(' ')
  return {
    ...{ name, container, address, privateAddress, hostKey: `${keyType} ${key}`, rootKey: (await rootKey()).privateKey },
    exec,
    isReachable,
    async reboot() {
      const before = await startedAt()
      const since = Date.parse(before)
      await until(`${container} to have run ${backoffSeconds} s`, async () => Date.now() - since > backoffSeconds * 1000)
      await docker(['exec', '--detach', container, 'systemctl', 'reboot'])
      await until(`the reboot of ${container}`, async () => (await startedAt()) !== before)
      await booted()
    },
    stayOff: async () => void (await docker(['update', '--restart', 'no', container])),
    isOff: async () => (await inspect(container, '{{.State.Running}}')) === 'false',
    async start() {
      await docker(['update', '--restart', 'unless-stopped', container])
      await docker(['start', container])
      await booted()
    },
    pause: async () => void (await docker(['pause', container])),
    unpause: async () => void (await docker(['unpause', container])),
    remove: async () => void (await docker(['rm', '--force', '--volumes', container])),
  }
}
