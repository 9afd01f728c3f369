import { type Answers, text, withInputs } from './answer.ts'
import { expectThat } from './violation.ts'

const facts = { os: 'Debian GNU/Linux 13 (trixie)', cpus: '2', memoryMb: '3910', diskGb: '38', docker: '26.1.5', compose: '2.26.1', kernel: '6.12.48' }

/** Steps that make a server ready (drivers/servers). */
export const serverAnswers: Answers = {
  'prepare-server': withInputs({ PACKAGES: text, MANAGEMENT_KEY: text, DAEMON_SETTINGS: text }, (machine, inputs) => {
    const [type, key = ''] = inputs.MANAGEMENT_KEY.split(' ')
    expectThat(type === 'ssh-ed25519', `a management key of another type: ${type}`)
    machine.keys.set('keystone', Buffer.from(key, 'base64'))
    return { out: `Installing ${inputs.PACKAGES}\nCreating the user keystone\nInstalling Keystone's key\n` }
  }),

  'verify-server': withInputs({ MINIMUM_DOCKER: text, MINIMUM_COMPOSE: text, PRIVATE_ADDRESS: text }, (machine, inputs) => {
    const { PRIVATE_ADDRESS: address } = inputs
    if (address !== '' && address !== machine.privateAddress) return { err: `The server does not have the private address ${address}:\n`, exitCode: 1 }
    return { result: JSON.stringify({ architecture: 'amd64', facts }) }
  }),

  'apply-firewall': withInputs({ REVISION: text, RULES: text, LOADER: text, UNIT: text }, (machine, { REVISION, RULES }) => {
    expectThat(RULES.includes(`--ctorigdst ${machine.privateAddress} `), `rules of another server than ${machine.privateAddress}`)
    if (machine.firewallRevision < Number(REVISION)) machine.firewall = `${RULES.split('\n').filter((line) => line.startsWith('-A')).join('\n')}\n`
    machine.firewallRevision = Math.max(machine.firewallRevision, Number(REVISION))
    return { out: machine.firewall, result: machine.firewall }
  }),
}
