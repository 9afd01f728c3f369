import { observation } from '../../../../drivers/servers/observe.ts'
import { serviceDriver } from '../../../../drivers/services/registry.ts'
import { wordsOf } from './call.ts'
import { idOf, type Machine } from './machine.ts'
import { expectThat } from './violation.ts'

/** What the command of a look names (drivers/servers/observe.ts). */
interface LookCall {
  organisation: string
  gateway: string
}

/** Whether a command line is a look at the server and not a step. */
export const isLook = (commandLine: string): boolean => commandLine.startsWith("'env' 'ORGANISATION=")

/** Throws a Violation where it is another command than Keystone's. */
export function readLook(commandLine: string): LookCall {
  const [organisation = '', gateway = ''] = wordsOf(commandLine).slice(1, 3).map((word) => word.slice(word.indexOf('=') + 1))
  const lookScript = serviceDriver('caddy').configured({}).gateway?.lookScript ?? ''
  const { argv } = observation({ organisationId: organisation, paths: [], gateway: gateway === '' ? null : { containerName: gateway, lookScript } })
  expectThat(wordsOf(commandLine).join('\0') === argv.join('\0'), 'a look by another script')
  return { organisation, gateway }
}

/** As a server that was made ready tells its rules. */
const hardened = {
  sshd: 'permitrootlogin no\npasswordauthentication no\nkbdinteractiveauthentication no\nciphers aes128-ctr\nmacs umac-128-etm@openssh.com\nkexalgorithms curve25519-sha256',
  ...{ ufw: 'Status: active\nDefault: deny (incoming)', fail2ban: 'Status for the jail: sshd', upgrades: "daily='1'", timer: 'ActiveState=active' },
}

const well = { diskFreeMb: 20_000, diskTotalMb: 38_000, memoryAvailableMb: 2000, memoryTotalMb: 3910, load: 0.1, cpus: 2, uptimeSeconds: 86_400, docker: '26.1.5' }

/** What the script would print on this server; `asked` are the paths that came on its standard input. */
export function answerLook(machine: Machine, { organisation, gateway }: LookCall, asked: string): string {
  const paths = asked.split('\n').filter((path) => path !== '')
  const containers = [...machine.containers.values()].filter((container) => container.organisation === organisation)
  const parts = {
    files: Object.fromEntries(paths.map((path) => [path, machine.files.get(path) ?? null])),
    containers: containers.map(({ name, image, replica, environment, service, alias }) => ({
      ...{ id: idOf(name), name: `/${name}`, image, status: 'running', environmentId: environment, serviceId: service, replicaId: replica },
      ...{ scheduler: alias.startsWith('scheduler-') ? 'yes' : null, oneOff: 'False', health: 'healthy', exitCode: 0, restarts: 0, nanoCpus: 0, memoryBytes: 0 },
    })),
    firewall: machine.firewallRevision === 0 ? null : machine.firewall,
    rules: hardened,
    ...(gateway === '' ? {} : { gateway: gatewayPart(machine, gateway) }),
    measures: { ...well, clock: Date.now() },
  }
  return Object.entries(parts).map(([part, told]) => `${JSON.stringify({ [part]: told })}\n`).join('')
}

function gatewayPart({ containers, gatewayRevision, gatewayText, sections }: Machine, gateway: string) {
  return containers.has(gateway) ? { revision: gatewayRevision, sections, fileHash: idOf(gatewayText), runsItsFile: true } : null
}
