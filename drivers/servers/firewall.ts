import { assignedPorts, type OpenPort } from '../../domain/firewall.ts'
import type { ServiceStep } from '../services/contract.ts'
import { textBeside } from '../services/scripts.ts'

const script = textBeside(import.meta.url, 'firewall.sh')
const loader = textBeside(import.meta.url, 'load-firewall.sh')
const unit = textBeside(import.meta.url, 'keystone-firewall.service')

/** Rules of one server; `privateAddress` is the one that its assigned ports are on. */
export interface FirewallRules {
  revision: number
  privateAddress: string
  openPorts: readonly OpenPort[]
}

/** Has the server take these rules unless it has later ones. Run as Keystone's user; a repetition changes nothing. */
export function applyFirewall({ revision, ...rules }: FirewallRules): ServiceStep<void> {
  return {
    name: 'apply firewall',
    script,
    inputs: { REVISION: `${revision}`, RULES: renderRules(rules), LOADER: loader, UNIT: unit },
    secrets: {},
    files: [],
    parse: () => {},
  }
}

/**
 * In the format of iptables-restore(8). A packet has its container's address and port by then, so the connection's original ones
 * are asked for (iptables-extensions(8), conntrack). Who is not let in is told at once instead of having to wait.
 */
function renderRules({ privateAddress, openPorts }: Pick<FirewallRules, 'privateAddress' | 'openPorts'>): string {
  const rule = (match: string, port: string, target: string) =>
    `-A KEYSTONE-PORTS ${match}-p tcp -m conntrack --ctorigdst ${privateAddress} --ctorigdstport ${port} --ctdir ORIGINAL -j ${target}`
  const open = openPorts.flatMap(({ port, sources }) => sources.map((source) => rule(`-s ${source} `, `${port}`, 'RETURN')))
  const closed = rule('', `${assignedPorts.first}:${assignedPorts.last}`, 'REJECT --reject-with tcp-reset')
  return ['*filter', ':KEYSTONE-PORTS - [0:0]', ...open, closed, 'COMMIT'].join('\n')
}
