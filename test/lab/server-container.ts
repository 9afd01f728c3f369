import { existsSync } from 'node:fs'
import { readFile, statfs } from 'node:fs/promises'
import type { LabPlan } from './network.ts'

/**
 * All that systemd needs in a container. CAP_SYS_TIME is not among it, and neither is --privileged, which would bring it: with it
 * a server's `timedatectl set-timezone` moves the clock of this machine.
 */
const capabilities = (
  'AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID IPC_LOCK IPC_OWNER ' +
  'KILL LEASE LINUX_IMMUTABLE MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW SETFCAP SETGID SETPCAP SETUID SYSLOG ' +
  'SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_TTY_CONFIG WAKE_ALARM'
).split(' ')

const freedoms = [
  ...capabilities.flatMap((capability) => ['--cap-add', capability]),
  ...['seccomp=unconfined', 'apparmor=unconfined', 'systempaths=unconfined'].flatMap((option) => ['--security-opt', option]),
  ...['--device-cgroup-rule', 'a *:* rwm'],
  ...['--tmpfs', '/run', '--tmpfs', '/run/lock', '--volume', '/var/lib/docker'],
]

/** What `docker create` makes a server of. It comes back after a reboot, and with the daemon. */
export interface ServerContainer {
  plan: LabPlan
  name: string
  number: number
  image: string
}

export async function createServerArgv({ plan, name, number, image }: ServerContainer): Promise<string[]> {
  const labels = [plan.label, 'keystone.lab.kind=server', `keystone.lab.server=${name}`, `keystone.lab.number=${number}`]
  return [
    ...['create', '--name', `${plan.name}-${name}`, '--hostname', name, '--restart', 'unless-stopped'],
    ...labels.flatMap((label) => ['--label', label]),
    ...freedoms,
    ...(await cgroupOptions()),
    ...['--env', `LAB_DNS=${(await nameservers()).join(' ')}`],
    ...['--network', plan.publicNetwork, '--ip', plan.addressesOf(number).address],
    image,
  ]
}

const cgroup2Magic = 0x63677270
const cgroupV1 =
  'systemd.unified_cgroup_hierarchy=0 SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1 systemd.legacy_systemd_cgroup_controller=1'

/** systemd 257 wants cgroup v2; on a machine with v1 it must be told, and be given the hierarchy. */
async function cgroupOptions(): Promise<string[]> {
  const { type } = await statfs('/sys/fs/cgroup')
  if (type === cgroup2Magic) return ['--cgroupns=private']
  return ['--volume', '/sys/fs/cgroup:/sys/fs/cgroup:rw', '--env', `SYSTEMD_PROC_CMDLINE=${cgroupV1}`]
}

const upstreamOfResolved = '/run/systemd/resolve/resolv.conf'

/** This machine's own; one that listens on its loopback is of no use to a server. */
async function nameservers(): Promise<string[]> {
  const lines = await readFile(existsSync(upstreamOfResolved) ? upstreamOfResolved : '/etc/resolv.conf', 'utf8')
  return [...lines.matchAll(/^nameserver\s+(\S+)/gm)].flatMap(([, address = '']) => (address.startsWith('127.') ? [] : [address]))
}
