import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from '@temporalio/client'
import type { OperationTree } from '../../stack/demo/operation.ts'
import type { LabServer } from '../lab/index.ts'

/** Which activity runs a step, by the step's name as its unit has it. */
const activityOf: readonly [RegExp, string][] = [
  [/^resolve-image/, 'resolveBaseImage'],
  [/^build-image$/, 'buildImage'],
  [/^find-image$/, 'findReleasedImage'],
  [/^migrate$/, 'migrate'],
  [/^start-(web|worker|websocket)$/, 'startReplica'],
  [/^ask-replicas-from-the-gateway$/, 'askReplicas'],
  [/^apply-gateway-revision/, 'applyRevision'],
  [/^(release|stop)-scheduler$/, 'stopScheduler'],
  [/^start-scheduler$/, 'startScheduler'],
  [/^drain-old-replicas$/, 'drainGateway'],
  [/^stop-replica$/, 'stopReplica'],
  [/^prune$/, 'pruneServer'],
  [/^stop-one-off-containers$/, 'stopWork'],
  [/^remove-image$/, 'discardImage'],
  [/^find-image$/, 'findReleasedImage'],
]

/** What the comparison came to. */
export interface Samples {
  /** How often a step that ran on the server was looked for in Temporal. */
  compared: number
  /** Each that Temporal did not show. */
  missing: string[]
}

interface RunningUnit {
  hash: string
  step: string
}

/**
 * Once a second compares what runs on the server with what Temporal's API shows as pending, whether or not a worker lives. Only
 * what ran both before and after the question counts: it ran meanwhile.
 */
export function comparePending(client: Client, server: LabServer, tree: () => OperationTree): { stop(): Promise<Samples> } {
  const samples: Samples = { compared: 0, missing: [] }
  const stopped = new AbortController()
  const loop = async () => {
    while (!stopped.signal.aborted) {
      const before = await runningUnits(server)
      const pending = await pendingActivities(client, tree())
      const after = new Set((await runningUnits(server)).map(keyOf))
      for (const unit of before.filter((one) => after.has(keyOf(one)))) {
        samples.compared += 1
        const expected = activityOf.find(([step]) => step.test(unit.step))?.[1]
        if (pending.get(unit.hash)?.includes(expected ?? '')) continue
        samples.missing.push(`${keyOf(unit)}, while Temporal shows ${JSON.stringify([...pending])}`)
      }
      await pause(1000, undefined, { signal: stopped.signal }).catch(() => {})
    }
  }
  const running = loop()
  return {
    async stop() {
      stopped.abort()
      await running
      return samples
    },
  }
}

const keyOf = ({ hash, step }: RunningUnit) => `${hash} ${step}`

/** A server that reboots runs nothing. */
async function runningUnits(server: LabServer): Promise<RunningUnit[]> {
  const list = ['systemctl', 'list-units', '--plain', '--no-legend', '--state=running', 'keystone-*']
  const units = await server.exec(list).catch(() => '')
  return [...units.matchAll(/ keystone ([0-9a-f]{12}) \d+-(\S+)$/gm)].map(([, hash = '', step = '']) => ({ hash, step }))
}

/** Names of pending activities by the hash of their operation. */
async function pendingActivities(client: Client, tree: OperationTree): Promise<Map<string, string[]>> {
  const own = await client.workflow.getHandle(tree.temporal.workflowId).describe().then(
    ({ raw }) => (raw.pendingActivities ?? []).map(({ activityType }) => activityType?.name ?? ''),
    () => [], // a child that has not been started yet
  )
  const below = await Promise.all(tree.children.map((child) => pendingActivities(client, child)))
  return new Map([[tree.hash, own], ...below.flatMap((one) => [...one])])
}
