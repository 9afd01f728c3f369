import { assignedPorts, type OpenPort } from '../../domain/firewall.ts'
import type { ServiceStep } from '../services/contract-step.ts'
import { textBeside } from '../services/scripts.ts'

const script = textBeside(import.meta.url, 'firewall.sh')
const loader = textBeside(import.meta.url, 'load-firewall.sh')
const unit = textBeside(import.meta.url, 'keystone-firewall.service')

/** Rules of one server; on its `privateAddress` all ports that may be assigned are closed to those whom they are not opened to. */
export interface FirewallRules {
  revision: number
  privateAddress: string | null
  openPorts: readonly OpenPort[]
}

/** Has the server take these rules unless it has later ones, and tells how it lists them. Run as Keystone's user; a repetition changes nothing. */
export function applyFirewall({ revision, ...rules }: FirewallRules): ServiceStep<string> {
  return {
    name: 'apply firewall',
    script,
    inputs: { REVISION: `${revision}`, RULES: renderRules(rules), LOADER: loader, UNIT: unit },
    secrets: {},
    files: [],
    parse: (result) => result,
  }
}

/**
 * In the format of iptables-restore(8). A packet has its container's address and port by then, so the connection's original ones
 * are asked for (iptables-extensions(8), conntrack). Who is not let in is told at once instead of having to wait.
 */
function renderRules({ privateAddress, openPorts }: Pick<FirewallRules, 'privateAddress' | 'openPorts'>): string {
  const rule = (match: string, address: string, { port, target }: { port: string; target: string }) =>
    `-A KEYSTONE-PORTS ${match}-p tcp -m conntrack --ctorigdst ${address} --ctorigdstport ${port} --ctdir ORIGINAL -j ${target}`
  const closed = (address: string, port: string) => rule('', address, { port, target: 'REJECT --reject-with tcp-reset' })
  const open = openPorts.flatMap(({ address, port, sources }) =>
    sources.map((source) => rule(`-s ${source} `, address, { port: `${port}`, target: 'RETURN' })),
  )
  // A public address has ports that are not Keystone's: there it closes its own alone.
  const closedOnes = openPorts.filter(({ address }) => address !== privateAddress).map(({ address, port }) => closed(address, `${port}`))
  const allClosed = privateAddress === null ? [] : [closed(privateAddress, `${assignedPorts.first}:${assignedPorts.last}`)]
  return ['*filter', ':KEYSTONE-PORTS - [0:0]', ...open, ...closedOnes, ...allClosed, ...fromOutside, 'COMMIT'].join('\n')
}

/** Docker's own bridges: what comes from one of them comes from a container. */
const bridges = ['docker+', 'br-+']
const published = [{ protocol: 'tcp', port: 80 }, { protocol: 'tcp', port: 443 }, { protocol: 'udp', port: 443 }]

/**
 * From elsewhere a container is reached by the gateway's ports alone, whatever it publishes; or by what the user has allowed with
 * `ufw route allow`, which are rules for forwarded packets and see the container's own port.
 */
const fromOutside = [
  ...bridges.map((bridge) => `-A KEYSTONE-PORTS -i ${bridge} -j RETURN`),
  '-A KEYSTONE-PORTS -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN',
  ...published.map(
    ({ protocol, port }) => `-A KEYSTONE-PORTS -p ${protocol} -m conntrack --ctstate DNAT --ctorigdstport ${port} --ctdir ORIGINAL -j RETURN`,
  ),
  '-A KEYSTONE-PORTS -j ufw-user-forward',
  ...bridges.map((bridge) => `-A KEYSTONE-PORTS -o ${bridge} -j DROP`),
]
