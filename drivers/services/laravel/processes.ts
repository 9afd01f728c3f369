import { z } from 'zod'
import type { ReplicaInput, ServiceStep } from '../contract.ts'
import type { ApplicationProcesses, OneOffInput, OneOffFacts } from '../contract-application.ts'
import { projectFiles, projectInputs, projectScript, startStep } from '../replica.ts'
import { containersScript, textBeside } from '../scripts.ts'
import type { ServiceConfig } from './config.ts'
import { replicaShape, schedulerContainer } from './shape.ts'

const oneOffScript = projectScript + textBeside(import.meta.url, 'one-off.sh')
const stopOneOffsScript = containersScript + textBeside(import.meta.url, 'stop-one-offs.sh')
const schedulerDownScript = containersScript + textBeside(import.meta.url, 'scheduler-down.sh')

export function processes(config: ServiceConfig): ApplicationProcesses {
  return {
    healthPath: config.healthPath,
    assetPaths: config.assetPaths,
    migration: config.migration,
    drainWindowSeconds: config.drainWindowSeconds,
    oneOff: (input) => oneOff(config, input),
    stopOneOffs: ({ operationHash }) => stop('stop one-off containers', stopOneOffsScript, { OPERATION_HASH: operationHash }),
    startScheduler: (input) => startScheduler(config, input),
    stopScheduler: ({ ownership }) =>
      stop('stop scheduler', schedulerDownScript, {
        REPLICA: ownership.replicaId,
        GRACE_SECONDS: `${config.schedulerGraceSeconds}`,
      }),
  }
}

function oneOff(config: ServiceConfig, { replica, name, command, repeatable }: OneOffInput): ServiceStep<OneOffFacts> {
  const shape = replicaShape(config, replica)
  return {
    name,
    script: oneOffScript,
    inputs: { ...projectInputs(replica, shape, shape.main), NAME: name, COMMAND: command, REPEATABLE: repeatable ? 'yes' : 'no' },
    secrets: {},
    files: projectFiles(replica, shape),
    parse: (result) => oneOffReport.parse(JSON.parse(result)),
  }
}

function startScheduler(config: ServiceConfig, input: ReplicaInput): ServiceStep<{ containerId: string }> {
  const shape = replicaShape(config, input)
  return startStep('start scheduler', input, { ...shape, settleSeconds: 1 }, schedulerContainer(config, input))
}

function stop(name: string, script: string, inputs: Record<string, string>): ServiceStep<void> {
  return { name, script, inputs, secrets: {}, files: [], parse: () => {} }
}

const oneOffReport = z.discriminatedUnion('outcome', [
  z.object({ outcome: z.literal('exited'), exitCode: z.int() }),
  z.object({ outcome: z.literal('unknown') }),
])
