import { parse } from 'yaml'
import { z } from 'zod'
import { type Answerer, type Answers, fileOf, text, withInputs } from './answer.ts'
import { idOf, type Machine } from './machine.ts'
import type { StepParts } from './parcel.ts'
import { expectThat } from './violation.ts'

const compose = z.object({
  services: z.record(
    z.string(),
    z.object({ image: z.string(), container_name: z.string(), labels: z.record(z.string(), z.string()), networks: z.array(z.string()) }),
  ),
})

const projectInputs = {
  ...{ PROJECT: text, FOLDER: text, SERVICE: text, CONTAINER: text },
  ...{ NETWORKS: text, NETWORK_LABELS: text, VOLUMES: text, VOLUME_LABELS: text },
}
const startInputs = {
  ...projectInputs,
  ...{ GATEWAY: text, GATEWAY_NETWORK: text, ASKED: text, TIMEOUT_SECONDS: text, SETTLE_SECONDS: text, BESIDE: text },
}
const schedulerInputs = { REPLICA: text, SCHEDULER_FOLDER: text }
const predecessorInputs = { SCHEDULER_FOLDER: text, PREDECESSOR: text, PREDECESSOR_FOLDER: text, TICKED: text }

const start: Answerer = withInputs(startInputs, (machine, inputs, parts) => {
  expectThat(inputs.GATEWAY === '' || machine.containers.has(inputs.GATEWAY), `the gateway ${inputs.GATEWAY} does not run here`)
  const { container, networks } = described(machine, inputs, parts)
  machine.containers.set(container.name, container)
  return { out: `Container ${container.name} Started\n`, result: report(machine, container.image, { name: container.name, networks }) }
})

/** Steps about containers of services (drivers/services/replica.ts and laravel/processes.ts). */
export const replicaAnswers: Answers = {
  'start-web': start,
  'start-worker': start,
  'start-websocket': start,
  'start-gateway': start,
  'start-postgres': start,
  'start-valkey': start,

  'stop-replica': withInputs({ REPLICA: z.uuid(), PROJECT: text, GRACE_SECONDS: text, PATHS: text }, ({ containers }, { REPLICA }) => {
    for (const { name, replica } of containers.values()) if (replica === REPLICA) containers.delete(name)
    return { result: '{"killed":[]}' }
  }),

  migrate: withInputs({ ...projectInputs, NAME: text, COMMAND: text, REPEATABLE: text }, (machine, inputs, parts) => {
    described(machine, inputs, parts)
    return { out: '   INFO  Nothing to migrate.\n', result: '{"outcome":"exited","exitCode":0}' }
  }),

  'start-scheduler': withInputs({ ...startInputs, ...predecessorInputs }, (machine, inputs, parts) => {
    const { container, networks } = described(machine, inputs, parts)
    const ticking = machine.ticking.get(container.environment)
    expectThat([undefined, inputs.PREDECESSOR, container.replica].includes(ticking), `${ticking} ticks already`)
    machine.ticking.set(container.environment, container.replica)
    machine.containers.set(container.name, container)
    return { result: report(machine, container.image, { name: container.name, networks }) }
  }),

  'release-scheduler': withInputs(schedulerInputs, (machine, { REPLICA }) => ({ result: released(machine, REPLICA) })),

  'stop-scheduler': withInputs({ ...schedulerInputs, GRACE_SECONDS: text }, (machine, { REPLICA }) => {
    const { containers } = machine
    for (const { name, replica, alias } of containers.values()) {
      if (replica === REPLICA && alias.startsWith('scheduler-')) containers.delete(name)
    }
    return { result: released(machine, REPLICA) }
  }),

  'stop-one-off-containers': withInputs({ OPERATION_HASH: text }, () => ({})),
}

/** The container that compose.yml has under the step's key. Throws a Violation where its image is not here. */
function described({ images, containers }: Machine, { FOLDER, SERVICE, CONTAINER }: { FOLDER: string; SERVICE: string; CONTAINER: string }, parts: StepParts) {
  fileOf(parts, `${FOLDER}/.env`)
  const written = compose.parse(parse(fileOf(parts, `${FOLDER}/compose.yml`))).services[SERVICE]
  expectThat(written !== undefined && written.container_name === CONTAINER, `compose.yml has no ${SERVICE} named ${CONTAINER}`)
  const { image, labels, networks } = written
  const replica = labels['keystone.replica'] ?? ''
  expectThat(images.has(image), `${CONTAINER} needs ${image}, which is not on this server`)
  expectThat([undefined, replica].includes(containers.get(CONTAINER)?.replica), `${CONTAINER} is another replica's already`)
  const environment = labels['keystone.environment'] ?? ''
  const [service = '', organisation = ''] = [labels['keystone.service'], labels['keystone.organisation']]
  return { container: { name: CONTAINER, replica, environment, service, organisation, alias: SERVICE, image }, networks }
}

function report({ images }: Machine, image: string, { name, networks }: { name: string; networks: readonly string[] }): string {
  const addresses = networks.map((network, index) => [network, { IPAddress: `10.201.${index}.2` }])
  return JSON.stringify({ containerId: idOf(name), imageId: images.get(image), networks: Object.fromEntries(addresses), nanoCpus: 0, memoryBytes: 0 })
}

/** The charge goes from this replica, if it has it, with the last minute that was ticked. */
function released({ ticking }: Machine, replica: string): string {
  const charge = [...ticking].find(([, inCharge]) => inCharge === replica)
  if (charge) ticking.delete(charge[0])
  return JSON.stringify({ ticked: charge ? Math.floor(Date.now() / 60_000) : null })
}
