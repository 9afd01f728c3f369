import { type Answers, text, withInputs } from './answer.ts'
import { expectThat } from './violation.ts'

const facts = { os: 'Debian GNU/Linux 13 (trixie)', cpus: '2', memoryMb: '3910', diskGb: '38', docker: '26.1.5', compose: '2.26.1', kernel: '6.12.48' }

const distribution = ['id debian', 'codename trixie', 'architecture amd64', 'engine ', 'compose ', 'buildx ']
  .concat(['docker.io 26.1.5+dfsg1-9', 'docker-compose 2.26.1-4', 'docker-compose-v2 ', 'docker-buildx 0.13.1+ds1-3', 'docker-cli 26.1.5+dfsg1-9'])
  .join('\n')

/** Inputs of all steps of drivers/servers/server-step.ts. */
const common = { APT_SECONDS: text, ROOM_MB: text }

/** Steps that make a server ready (drivers/servers). */
export const serverAnswers: Answers = {
  'await-system': withInputs({ ...common, SYSTEMS: text }, () => ({ out: 'Waiting for cloud-init\n' })),

  'create-user': withInputs({ ...common, MANAGEMENT_KEY: text }, (machine, inputs) => {
    const [type, key = ''] = inputs.MANAGEMENT_KEY.split(' ')
    expectThat(type === 'ssh-ed25519', `a management key of another type: ${type}`)
    machine.keys.set('keystone', Buffer.from(key, 'base64'))
    return { out: `Creating the user keystone\nInstalling Keystone's key\n` }
  }),

  'install-packages': withInputs({ ...common, PACKAGES: text }, (_, { PACKAGES }) => ({ out: `Installing ${PACKAGES}\n` })),
  'find-docker': withInputs(common, () => ({ result: distribution })),
  'install-docker': withInputs(
    { ...common, PACKAGES: text, DAEMON_SETTINGS: text, REPOSITORY: text, REPOSITORY_KEY_URL: text, REPOSITORY_KEY_FINGERPRINT: text },
    (_, { PACKAGES }) => ({ out: `Installing ${PACKAGES}\n` }),
  ),
  'ban-attackers': withInputs({ ...common, JAIL: text }, () => ({})),
  'keep-up-to-date': withInputs({ ...common, PERIODIC: text }, () => ({})),

  'close-access': withInputs(
    { ...common, SETTINGS: text, KEX: text, CIPHERS: text, MACS: text, REOPEN: text, REOPEN_SECONDS: text, ARRIVAL_PORT: text, OPEN_PORTS: text },
    (machine) => {
      machine.keys.delete('root')
      return {}
    },
  ),
  'prove-access': withInputs(common, () => ({ result: 'closed\n' })),

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
