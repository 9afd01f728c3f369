import { setTimeout as pause } from 'node:timers/promises'
import { stepsOf, type Operation, type OperationTree } from '../../stack/demo/operation.ts'
import type { Sample, Scene } from '../e2e/scene.ts'
import { recordHistories } from '../e2e/histories.ts'
import { report, type LabReport } from '../e2e/report.ts'
import { findRepeated, recordDockerEvents, serverFingerprint, unitRuns } from '../lab/instruments/index.ts'
import type { DockerEvent } from '../lab/instruments/docker-events.ts'
import { kindOf, type KillPoint } from './kill-points.ts'
import { leftovers, shapeOf } from './leftovers.ts'
import { comparePending, type Samples } from './pending.ts'

/** What a deploy with a fault in it came to. */
export interface FaultedDeploy {
  tree: OperationTree
  pending: Samples
  /** Units that were started again after they had ended by themselves. */
  repeated: string[]
  /** Containers that were made more than once. */
  madeTwice: string[]
  leftovers: string[]
}

/** Redeploys a sample again and again, each time with a new commit, and looks at what is left. */
export interface FaultLane {
  /** A redeploy in which nothing happened. */
  undisturbed: OperationTree
  /** `fault` is begun when the deploy is: of a new commit, where `wish` says nothing else. */
  deploy(fault: (operation: Operation, deploy: RunningDeploy) => Promise<void>, wish?: Wish): Promise<FaultedDeploy>
}

/** What is asked for in the place of a deploy of a new commit. */
export interface Wish {
  begin(): Promise<Operation>
  /** It builds an image where it succeeds. */
  isBuilding: boolean
}

/** A deploy that is under way. */
export interface RunningDeploy {
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
      const recording = await recordDockerEvents(scene.server)
      const operation = await (wish ? wish.begin() : scene.organisation.deploy(sample.environmentId))
      const watching = watch(scene, operation)
      const samples = comparePending(scene.keystone.temporal.client, scene.server, watching.tree)
      await fault(operation, watching)
      const tree = await watching.ended
      const pending = await samples.stop()
      if (tree.status === 'succeeded' && wish?.isBuilding !== false) builtImages += 1
      const runs = (await unitRuns(scene.server)).filter(({ unit }) => hashesOf(tree).some((hash) => unit.includes(hash)))
      return {
        tree,
        pending,
        repeated: findRepeated(runs).filter(({ isAfterItsEnd }) => isAfterItsEnd).map(({ unit, step }) => `${unit} ${step}`),
        madeTwice: madeTwice(await recording.stop()),
        leftovers: leftovers(shape, shapeOf(await serverFingerprint(scene.server)), builtImages),
      }
    },
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

/** Kills the worker at the point and starts another one. */
export function killAt(scene: Scene, undisturbed: OperationTree, point: KillPoint) {
  const usual = stepsOf(undisturbed).find((step) => kindOf(step) === point.step)
  if (!usual) throw new Error(`an undisturbed deploy has no step "${point.step}"`)
  const milliseconds = Date.parse(usual.finishedAt ?? '') - Date.parse(usual.startedAt)
  const status = point.moment === 'during' ? ['running', 'succeeded'] : ['succeeded']
  return async (_: Operation, { reaches }: RunningDeploy) => {
    await reaches((tree) => stepsOf(tree).some((step) => kindOf(step) === point.step && status.includes(step.status)))
    if (point.moment === 'during') await pause(milliseconds * point.part)
    await scene.keystone.worker.end(point.signal)
    await scene.keystone.worker.start()
  }
}

/** Follows an operation to its end. */
export function watch(scene: Scene, operation: Operation) {
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

const hashesOf = (tree: OperationTree): string[] => [tree.hash, ...tree.children.flatMap(hashesOf)]

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
  faulted: FaultedDeploy,
): Promise<void> {
  await recordHistories(keystone, `${fault.name} ${fault.point}`.replaceAll(/[^a-z]+/gi, '-').toLowerCase(), faulted.tree)
  const { tree, repeated, madeTwice: twice, leftovers: left } = faulted
  const outcome = tree.outcome ?? tree.failure?.code ?? tree.status
  const found = { ...fault, outcome, stepsRunTwice: repeated.length + twice.length, leftovers: left.length }
  await report((before) => ({ ...before, faults: [...before.faults, found] }))
}
