import { setTimeout as pause } from 'node:timers/promises'
import { stepsOf, type Operation, type OperationTree } from '../../stack/demo/operation.ts'
import type { Sample, Scene } from '../e2e/scene.ts'
import { recordHistories } from '../e2e/histories.ts'
import { report, type LabReport } from '../e2e/report.ts'
import type { LabServer } from '../lab/index.ts'
import { findRepeated, recordDockerEvents, serverFingerprint, unitRuns } from '../lab/instruments/index.ts'
import type { DockerEvent } from '../lab/instruments/docker-events.ts'
import { kindOf, type KillPoint } from './kill-points.ts'
import { leftovers, type Shape, shapeOf } from './leftovers.ts'
import { comparePending, type Samples } from './pending.ts'

/** What an operation with a fault in it came to. */
export interface Faulted {
  tree: OperationTree
  /** Units that were started again after they had ended by themselves. */
  repeated: string[]
  /** Containers that were made more than once. */
  madeTwice: string[]
  /** Of its server. */
  after: Shape
}

/** The same of a deploy, and what that left beyond one in which nothing happened. */
export interface FaultedDeploy extends Omit<Faulted, 'after'> {
  pending: Samples
  leftovers: string[]
}

/** Begun when the operation is, and over before that is looked at. */
export type Fault = (operation: Operation, running: RunningOperation) => Promise<unknown>

/** Redeploys a sample again and again, each time with a new commit, and looks at what is left. */
export interface FaultLane {
  /** A redeploy in which nothing happened. */
  undisturbed: OperationTree
  /** Of a new commit, where `wish` says nothing else. */
  deploy(fault: Fault, wish?: Wish): Promise<FaultedDeploy>
}

/** What is asked for in the place of a deploy of a new commit. */
export interface Wish {
  begin(): Promise<Operation>
  /** It builds an image where it succeeds. */
  isBuilding: boolean
}

/** An operation that is under way. */
export interface RunningOperation {
  ended: Promise<OperationTree>
  /** As it is known at this moment. */
  tree(): OperationTree
  /** Resolves when the tree is so, or the operation has ended. */
  reaches(isReached: (tree: OperationTree) => boolean): Promise<void>
}

/** Deploys twice undisturbed, so that it is known what a deploy leaves: with every image that is built, for none is pruned. */
export async function openFaultLane(scene: Scene, sample: Sample): Promise<FaultLane> {
  await scene.organisation.changeEnvironment(sample.environmentId, { releaseRetention: 50 })
  await succeeded(scene, sample)
  await commit(scene, sample)
  const undisturbed = await succeeded(scene, sample)
  let builtImages = 0
  const shape = shapeOf(await serverFingerprint(scene.server))
  return {
    undisturbed,
    async deploy(fault, wish) {
      if (!wish) await commit(scene, sample)
      const begin = wish ? wish.begin : () => scene.organisation.deploy(sample.environmentId)
      let pending: Samples = { compared: 0, missing: [] }
      const { after, ...found } = await faulted(scene, { server: scene.server, begin }, async (operation, running) => {
        const samples = comparePending(scene.keystone.temporal.client, scene.server, running.tree)
        await fault(operation, running)
        await running.ended
        pending = await samples.stop()
      })
      if (found.tree.status === 'succeeded' && wish?.isBuilding !== false) builtImages += 1
      return { ...found, pending, leftovers: leftovers(shape, after, builtImages) }
    },
  }
}

/** Begins an operation with a fault in it, waits for its end, and looks what has happened on a server. */
export async function faulted(
  scene: Scene,
  { server, begin }: { server: LabServer; begin: () => Promise<Operation> },
  fault: Fault,
): Promise<Faulted> {
  const since = new Date()
  const recording = await recordDockerEvents(server)
  const operation = await begin()
  const running = watch(scene, operation)
  await fault(operation, running)
  const tree = await running.ended
  const runs = (await unitRuns(server)).filter(({ startedAt }) => startedAt >= since)
  return {
    tree,
    repeated: findRepeated(runs).filter(({ isAfterItsEnd }) => isAfterItsEnd).map(({ unit, step }) => `${unit} ${step}`),
    madeTwice: madeTwice(await recording.stop()),
    after: shapeOf(await serverFingerprint(server)),
  }
}

/** Another content of one file, so that there is something to deploy. */
const commit = (scene: Scene, { repository }: Sample) =>
  scene.lab.gitHost.pushCommit(repository, 'main', { files: { VERSION: `${new Date().toISOString()}\n` } })

async function succeeded(scene: Scene, sample: Sample): Promise<OperationTree> {
  const tree = await scene.deployed('before faults', sample)
  if (tree.outcome !== 'deployed') throw new Error(`an undisturbed deploy ended ${tree.status}: ${JSON.stringify(tree.failure)}`)
  return tree
}

/** Kills the worker at the point and starts another one; says when it was killed. */
export function killAt(scene: Scene, undisturbed: OperationTree, point: KillPoint) {
  const { step, moment, part, signal } = point
  const usual = step === null ? undisturbed : stepsOf(undisturbed).find((one) => kindOf(one) === step)
  if (!usual) throw new Error(`an undisturbed operation has no step "${step}"`)
  const milliseconds = Date.parse(usual.finishedAt ?? '') - Date.parse(usual.startedAt ?? '')
  const status = moment === 'during' ? ['running', 'succeeded'] : ['succeeded']
  const isThere = (tree: OperationTree) => stepsOf(tree).some((one) => kindOf(one) === step && status.includes(one.status))
  return async (_: Operation, { reaches }: RunningOperation): Promise<Date> => {
    if (step !== null) await reaches(isThere)
    if (moment === 'during') await pause(milliseconds * part)
    const killedAt = new Date()
    await scene.keystone.worker.end(signal)
    await scene.keystone.worker.start()
    return killedAt
  }
}

/** Follows an operation to its end. */
export function watch(scene: Pick<Scene, 'organisation'>, operation: Operation): RunningOperation {
  let latest: OperationTree = { ...operation, steps: [], children: [] }
  const waiting = new Set<() => void>()
  const tell = () => waiting.forEach((look) => look())
  let hasEnded = false
  const ended = scene.organisation
    .finished(operation, (tree) => {
      latest = tree
      tell()
    })
    .finally(() => {
      hasEnded = true
      tell()
    })
  return {
    ended,
    tree: () => latest,
    reaches: (isReached: (tree: OperationTree) => boolean) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (!hasEnded && !isReached(latest)) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      }),
  }
}

function madeTwice(events: readonly DockerEvent[]): string[] {
  const made = events
    .filter(({ type, action, attributes }) => type === 'container' && action === 'create' && isKeystones(attributes))
    .map(({ name }) => name)
  return [...new Set(made.filter((name, index) => made.indexOf(name) !== index))]
}

const isKeystones = (attributes: Record<string, string>) => Object.keys(attributes).some((label) => label.startsWith('keystone.'))

/** Puts a fault and what it came to into the report of the run, and keeps its histories. */
export async function reportFault(
  { keystone }: Scene,
  fault: Pick<LabReport['faults'][number], 'name' | 'seed' | 'point'>,
  faulted: Omit<FaultedDeploy, 'pending'>,
): Promise<void> {
  await recordHistories(keystone, `${fault.name} ${fault.point}`.replaceAll(/[^a-z]+/gi, '-').toLowerCase(), faulted.tree)
  const { tree, repeated, madeTwice: twice, leftovers: left } = faulted
  const outcome = tree.outcome ?? tree.failure?.code ?? tree.status
  const found = { ...fault, outcome, stepsRunTwice: repeated.length + twice.length, leftovers: left.length }
  await report((before) => ({ ...before, faults: [...before.faults, found] }))
}
