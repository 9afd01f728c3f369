import { type Answerer, type Answers, fileOf, linesOf, secretOf, text, withInputs } from './answer.ts'
import type { Machine } from './machine.ts'
import { expectThat } from './violation.ts'

const gatewayFolder = '/home/keystone/gateway'

function expectRunning({ containers }: Machine, name: string): void {
  expectThat(containers.has(name), `the container ${name} does not run here`)
}

/** A step that runs a client inside of a data service, with what it says there as a secret. */
const provision = (secret: string): Answerer =>
  withInputs({ CONTAINER: text }, (machine, { CONTAINER }, parts) => {
    expectRunning(machine, CONTAINER)
    expectThat(secretOf(parts, secret) !== '', `nothing to say to ${CONTAINER}`)
    return {}
  })

/** Steps about gateways and what data services carry (drivers/services/caddy/gateway.ts, postgres and valkey). */
export const serviceAnswers: Answers = {
  'provision-database': provision('sql'),
  'provision-keyspace': provision('commands'),

  'apply-gateway-revision-': withInputs({ CONTAINER: text, REVISION: text, STARTED: text, CERTIFICATES: text }, (machine, inputs, parts) => {
    expectRunning(machine, inputs.CONTAINER)
    for (const name of linesOf(inputs.STARTED)) expectRunning(machine, name)
    const configuration = fileOf(parts, `${gatewayFolder}/next/${inputs.REVISION}`)
    if (machine.gatewayRevision < Number(inputs.REVISION)) apply(machine, Number(inputs.REVISION), configuration)
    return { result: [machine.gatewayRevision, ...machine.sections].join(' ') }
  }),

  'ask-replicas-from-the-gateway': withInputs({ GATEWAY: text, GATEWAY_NETWORK: text, ASKED: text }, (machine, inputs) => {
    expectRunning(machine, inputs.GATEWAY)
    for (const line of linesOf(inputs.ASKED)) expectThat(/^\S+ \d+ \/\S* 10\.\d+\.\d+\.\d+$/.test(line), `nobody can be asked as "${line}"`)
    return {}
  }),

  'drain-old-replicas': withInputs({ CONTAINER: text, UPSTREAMS: text }, (machine, { CONTAINER }) => {
    expectRunning(machine, CONTAINER)
    return { result: '[]' }
  }),
}

/** Takes a configuration; every replica of this server that it names has to run. */
function apply(machine: Machine, revision: number, configuration: string): void {
  const aliases = new Set([...machine.containers.values()].map(({ alias }) => alias))
  for (const [alias] of configuration.matchAll(/replica-[0-9a-f-]{36}/g)) {
    expectThat(aliases.has(alias), `revision ${revision} leads to ${alias}, which does not run here`)
  }
  machine.gatewayRevision = revision
  machine.gatewayText = configuration
  machine.sections = [...configuration.matchAll(/^\tvars keystone_section ([0-9a-f]+)$/gm)].map(([, hash = '']) => hash)
}
