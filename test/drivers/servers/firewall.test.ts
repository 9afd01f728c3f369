import { expect, test } from 'vitest'
import { applyFirewall } from '../../../drivers/servers/firewall.ts'

const rulesOf = (privateAddress: string | null, openPorts: Parameters<typeof applyFirewall>[0]['openPorts']) =>
  applyFirewall({ revision: 3, privateAddress, openPorts }).inputs.RULES?.split('\n')

const to = (address: string, ports: string, target: string, source = '') =>
  `-A KEYSTONE-PORTS ${source}-p tcp -m conntrack --ctorigdst ${address} --ctorigdstport ${ports} --ctdir ORIGINAL -j ${target}`
const refused = 'REJECT --reject-with tcp-reset'

test('the private address has all ports closed but those that are opened, each to its sources', () => {
  expect(rulesOf('10.0.0.1', [{ address: '10.0.0.1', port: 20_001, sources: ['10.0.0.2', '10.0.0.3'] }])).toEqual([
    ...['*filter', ':KEYSTONE-PORTS - [0:0]'],
    ...[to('10.0.0.1', '20001', 'RETURN', '-s 10.0.0.2 '), to('10.0.0.1', '20001', 'RETURN', '-s 10.0.0.3 ')],
    ...[to('10.0.0.1', '20000:29999', refused), 'COMMIT'],
  ])
})

test('a public address has its own ports closed alone: others there are not ours', () => {
  const open = [
    { address: '198.51.100.1', port: 20_001, sources: ['198.51.100.2'] },
    { address: '198.51.100.1', port: 20_002, sources: [] },
  ]
  expect(rulesOf(null, open)).toEqual([
    ...['*filter', ':KEYSTONE-PORTS - [0:0]', to('198.51.100.1', '20001', 'RETURN', '-s 198.51.100.2 ')],
    ...[to('198.51.100.1', '20001', refused), to('198.51.100.1', '20002', refused), 'COMMIT'],
  ])
})
