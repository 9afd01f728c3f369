import { z } from 'zod'
import type { ServiceStep } from '../services/contract-step.ts'
import { lines, textBeside } from '../services/scripts.ts'
import { serverStep } from './server-step.ts'

const awaitScript = textBeside(import.meta.url, 'await-system.sh')
const userScript = textBeside(import.meta.url, 'create-user.sh')
const packagesScript = textBeside(import.meta.url, 'install-packages.sh')
const banScript = textBeside(import.meta.url, 'ban-attackers.sh')
const upToDateScript = textBeside(import.meta.url, 'keep-up-to-date.sh')

/** By ID and VERSION_ID of os-release(5). */
const systems = ['debian 12', 'debian 13', 'ubuntu 24.04']

const packages = [
  ...['ufw', 'fail2ban', 'python3-systemd', 'unattended-upgrades'],
  ...['ca-certificates', 'curl', 'git', 'iptables', 'jq'],
]

/** Waits for cloud-init and apt. Fails where the system is none that Keystone knows, or its disk is full. */
export const awaitSystem = (): ServiceStep<void> => serverStep('await system', awaitScript, { SYSTEMS: lines(systems) })

/** Creates Keystone's user with this public key. */
export const createUser = (managementKey: string): ServiceStep<void> => serverStep('create user', userScript, { MANAGEMENT_KEY: managementKey })

export const installPackages = (): ServiceStep<void> => serverStep('install packages', packagesScript, { PACKAGES: packages.join(' ') })

/** Where Keystone's connection comes from, and the port that it arrives at, which may be another than the one that it was sent to. */
export interface Arrival {
  keystoneAddress: string
  port: number
}

const connection = z.tuple([z.string(), z.string(), z.string(), z.coerce.number<string>().int().positive()])

/** From what sshd tells its sessions as SSH_CONNECTION. Throws a ZodError on anything else. */
export function arrivalOf(told: string): Arrival {
  const [keystoneAddress, , , port] = connection.parse(told.trim().split(' '))
  return { keystoneAddress, port }
}

/** Has fail2ban watch sshd. The backend is said because Debian 12 has none that works by itself. */
export function banAttackers({ keystoneAddress, port }: Arrival): ServiceStep<void> {
  const jail = [
    ...['[DEFAULT]', `ignoreip = 127.0.0.1/8 ::1 ${keystoneAddress}`],
    ...['[sshd]', 'enabled = true', 'backend = systemd', `port = ssh,${port}`],
  ]
  return serverStep('ban attackers', banScript, { JAIL: lines(jail) })
}

const daily = ['Update-Package-Lists', 'Unattended-Upgrade'].map((what) => `APT::Periodic::${what} "1";`)

/** Security updates by themselves, by the distribution's own choice of origins, without a reboot; and the right time. */
export const keepUpToDate = (): ServiceStep<void> => serverStep('keep up to date', upToDateScript, { PERIODIC: lines(daily) })
