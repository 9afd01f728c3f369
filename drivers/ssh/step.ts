import { deliver, scriptFailure } from './delivery.ts'
import { connectionLost, SshError } from './errors.ts'
import { newBoundary } from './framing.ts'
import type { Lane } from './lane.ts'
import { packParcel, parcelCommand } from './parcel.ts'
import type { DurableStep, StepObserver, StepOutcome, StepPosition } from './remote.ts'
import { stepArgs, stepParts, type StepName } from './step-parts.ts'
import { createStepReader, type StepReader } from './step-reader.ts'

const nothingStored: StepPosition = { run: 0, out: 0, err: 0 }

/** Starts a durable step or attaches to it, and follows it to its end. Throws SshErrors; retrying is always safe. */
export async function runStep(lane: Lane, step: DurableStep, observer: StepObserver): Promise<StepOutcome> {
  const { stored, signal } = observer
  const { run, out, err } = stored ?? nothingStored
  const boundary = newBoundary()
  const parcel = await packParcel('launch', stepParts(lane.server, step, boundary))
  const commandLine = parcelCommand(parcel, [...stepArgs(lane.server, step), `${run}`, `${out}`, `${err}`], lane)
  const reader = createStepReader(boundary, async (chunk) => {
    signal.throwIfAborted()
    await observer.onChunk(chunk)
  })
  const process = await lane.start(commandLine, signal)
  process.send(parcel)
  const exitCode = await process.read((stream, bytes) => reader.take(stream, bytes))
  return outcomeOf(lane.server, step.name, exitCode, reader)
}

function outcomeOf(server: string, name: string, exitCode: number, reader: StepReader): StepOutcome {
  if (!reader.isFollowing()) throw scriptFailure(server, `start step ${name}`, exitCode, reader.diagnostics())
  const ending = reader.ending()
  if (exitCode !== 0 || (ending && !ending.isComplete)) throw connectionLost(server)
  if (!ending) throw new SshError('step_vanished', server, `step ${name} was killed before it could end; it will be run again`)
  return ending.outcome
}

/** Ends a step for good: its unit is stopped with all it started, and a later `runStep` finds exit code 143. Throws SshErrors. */
export async function stopStep(lane: Lane, step: StepName): Promise<void> {
  const parcel = await packParcel('stop', [])
  const commandLine = parcelCommand(parcel, stepArgs(lane.server, step), lane)
  await deliver(lane, { doing: `stop step ${step.name}`, commandLine, parcel })
}
