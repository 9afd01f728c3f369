import { expect, test } from 'vitest'
import { applyFirewall } from '../../../drivers/servers/firewall.ts'

const rulesOf = (privateAddress: string | null, openPorts: Parameters<typeof applyFirewall>[0]['openPorts']) =>
  applyFirewall({ revision: 3, privateAddress, openPorts }).inputs.RULES?.split('\n')

const to = (address: string, ports: string, target: string, source = '') =>
  `-A KEYSTONE-PORTS ${source}-p tcp -m conntrack --ctorigdst ${address} --ctorigdstport ${ports} --ctdir ORIGINAL -j ${target}`
const refused = 'REJECT --reject-with tcp-reset'

const conntrack = (protocol: string, port: number) =>
  `-A KEYSTONE-PORTS -p ${protocol} -m conntrack --ctstate DNAT --ctorigdstport ${port} --ctdir ORIGINAL -j RETURN`
/** Ends every set of rules: from outside only the gateway's ports, and what the user has allowed, lead into containers. */
const ending = [
  ...['-A KEYSTONE-PORTS -i docker+ -j RETURN', '-A KEYSTONE-PORTS -i br-+ -j RETURN'],
  '-A KEYSTONE-PORTS -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN',
  ...[conntrack('tcp', 80), conntrack('tcp', 443), conntrack('udp', 443)],
  ...['-A KEYSTONE-PORTS -j ufw-user-forward', '-A KEYSTONE-PORTS -o docker+ -j DROP', '-A KEYSTONE-PORTS -o br-+ -j DROP', 'COMMIT'],
]

test('the private address has all ports closed but those that are opened, each to its sources', () => {
  expect(rulesOf('10.0.0.1', [{ address: '10.0.0.1', port: 20_001, sources: ['10.0.0.2', '10.0.0.3'] }])).toEqual([
    ...['*filter', ':KEYSTONE-PORTS - [0:0]'],
    ...[to('10.0.0.1', '20001', 'RETURN', '-s 10.0.0.2 '), to('10.0.0.1', '20001', 'RETURN', '-s 10.0.0.3 ')],
    ...[to('10.0.0.1', '20000:29999', refused), ...ending],
  ])
})

test('a public address has its own ports closed alone: others there are not ours', () => {
  const open = [
    { address: '198.51.100.1', port: 20_001, sources: ['198.51.100.2'] },
    { address: '198.51.100.1', port: 20_002, sources: [] },
  ]
  expect(rulesOf(null, open)).toEqual([
    ...['*filter', ':KEYSTONE-PORTS - [0:0]', to('198.51.100.1', '20001', 'RETURN', '-s 198.51.100.2 ')],
    ...[to('198.51.100.1', '20001', refused), to('198.51.100.1', '20002', refused), ...ending],
  ])
})
