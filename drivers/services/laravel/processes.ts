import { z } from 'zod'
import type { Ownership, ServiceStep, StepExplanation } from '../contract-step.ts'
import type { ApplicationProcesses, OneOffFacts, OneOffInput, SchedulerBefore, SchedulerFacts } from '../contract-application.ts'
import { generationProject, projectFiles, projectInputs, projectScript, replicaUpScript, startStep } from '../replica.ts'
import { containersScript, textBeside } from '../scripts.ts'
import type { ServiceConfig } from './config.ts'
import { replicaShape, schedulerContainer, schedulerFolderName } from './shape.ts'

const oneOffScript = projectScript + textBeside(import.meta.url, 'one-off.sh')
const stopOneOffsScript = containersScript + textBeside(import.meta.url, 'stop-one-offs.sh')
const batonScript = textBeside(import.meta.url, 'scheduler-baton.sh')
const schedulerUpScript = [
  ...[projectScript, textBeside(import.meta.url, 'scheduler-folder.sh'), replicaUpScript, batonScript],
  textBeside(import.meta.url, 'scheduler-charge.sh'),
].join('\n')
const schedulerReleaseScript = containersScript + batonScript + textBeside(import.meta.url, 'scheduler-release.sh')
const schedulerDownScript = schedulerReleaseScript + textBeside(import.meta.url, 'scheduler-down.sh')

export function processes(config: ServiceConfig): ApplicationProcesses {
  return {
    healthPath: config.healthPath,
    assetPaths: config.assetPaths,
    websocketPaths: config.websocket.paths,
    persistentPaths: config.persistentPaths,
    migration: config.migration,
    commands: { pre_switch: config.preSwitchCommands, post_switch: config.postSwitchCommands },
    embeddedWorker: config.embeddedWorker,
    drainWindowSeconds: config.drainWindowSeconds,
    oneOff: (input) => oneOff(config, input),
    stopOneOffs: ({ operationHash }) => ({
      ...{ name: 'stop one-off containers', script: stopOneOffsScript, inputs: { OPERATION_HASH: operationHash } },
      ...{ secrets: {}, files: [], parse: () => {} },
    }),
    startScheduler: (input) => startScheduler(config, input),
    releaseScheduler: ({ ownership }) => ({
      ...{ name: 'release scheduler', script: schedulerReleaseScript, inputs: schedulerInputs(ownership) },
      ...schedulerReport,
    }),
    stopScheduler: ({ ownership }) => ({
      ...{ name: 'stop scheduler', script: schedulerDownScript },
      inputs: { ...schedulerInputs(ownership), GRACE_SECONDS: `${config.schedulerGraceSeconds}` },
      ...schedulerReport,
    }),
  }
}

const schedulerInputs = (ownership: Ownership) => ({ REPLICA: ownership.replicaId, SCHEDULER_FOLDER: schedulerFolder(ownership) })

const schedulerReport = {
  secrets: {},
  files: [],
  parse: (result: string): SchedulerFacts => releaseReport.parse(JSON.parse(result)),
}

function oneOff(config: ServiceConfig, { replica, name, command, repeatable }: OneOffInput): ServiceStep<OneOffFacts> {
  const shape = replicaShape(config, replica)
  return {
    name,
    script: oneOffScript,
    inputs: {
      ...projectInputs(replica, shape, shape.main),
      ...{ NAME: name.replaceAll(' ', '-'), COMMAND: command, REPEATABLE: repeatable ? 'yes' : 'no' },
    },
    secrets: {},
    files: projectFiles(replica, shape),
    command,
    explain: explainOneOff,
    parse: (result) => oneOffReport.parse(JSON.parse(result)),
  }
}

/** A script that was ended before its command was has reported nothing. */
const explainOneOff = (result: string): StepExplanation | null =>
  result !== '' && oneOffReport.parse(JSON.parse(result)).outcome === 'unknown' ? outcomeUnknown : null

const outcomeUnknown: StepExplanation = {
  code: 'outcome_unknown',
  message: 'It was interrupted from outside, and nobody knows how far it came.',
  hint: 'Look at its effects: start the operation again where the command may run once more, or mend by hand what is half done.',
}

function startScheduler(
  config: ServiceConfig,
  { replica, follows }: Parameters<ApplicationProcesses['startScheduler']>[0],
): ServiceStep<{ containerId: string }> {
  const shape = { ...replicaShape(config, replica), settleSeconds: 1 }
  const step = startStep('start scheduler', replica, shape, schedulerContainer(config, replica))
  return {
    ...step,
    script: schedulerUpScript,
    inputs: { ...step.inputs, SCHEDULER_FOLDER: schedulerFolder(replica.ownership), ...predecessor(follows) },
  }
}

function predecessor(follows: SchedulerBefore | null): Record<string, string> {
  const none = { PREDECESSOR: '', PREDECESSOR_FOLDER: '', TICKED: '' }
  if (follows === null) return none
  if ('ticked' in follows) return { ...none, TICKED: `${follows.ticked}` }
  const { ownership } = follows
  return { ...none, PREDECESSOR: ownership.replicaId, PREDECESSOR_FOLDER: schedulerFolder(ownership) }
}

/** The charge of ticking lies beside the replica's project and outlives the container. */
const schedulerFolder = (ownership: Ownership): string => `${generationProject(ownership).folder}/${schedulerFolderName}`

const releaseReport = z.object({ ticked: z.int().nullable() })

const oneOffReport = z.discriminatedUnion('outcome', [
  z.object({ outcome: z.literal('exited'), exitCode: z.int() }),
  z.object({ outcome: z.literal('unknown') }),
])
