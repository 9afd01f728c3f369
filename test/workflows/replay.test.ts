import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { temporal } from '@temporalio/proto'
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker } from '@temporalio/worker'
import { beforeAll, describe, expect, it } from 'vitest'

const { History } = temporal.api.history.v1
const folder = join(import.meta.dirname, '..', 'histories')
const files = readdirSync(folder).filter((name) => name.endsWith('.json.gz')).toSorted()

let workflowBundle: Awaited<ReturnType<typeof bundleWorkflowCode>>

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') })
  workflowBundle = await bundleWorkflowCode({ logger: new DefaultLogger('ERROR'), workflowsPath: join(import.meta.dirname, '..', '..', 'workflows', 'index.ts') })
})

const stored = (file: string) => History.fromObject(JSON.parse(gunzipSync(readFileSync(join(folder, file))).toString()))

/** A change of a workflow that a running operation would not survive has to be guarded by `patched` (design section 4). */
describe('workflows that lab runs have recorded', () => {
  it.each(files)('%s is replayed as it was', async (file) => {
    await Worker.runReplayHistory({ workflowBundle }, stored(file))
  })

  it('cover success, failure, cancel, a killed worker and recovery', () => {
    for (const scene of ['first-deploy', 'broken-build', 'broken-migration', 'unhealthy', 'cancelled', 'worker-killed', 'recovered', 'rollback', 'slice', 'update', 'config-change', 'rotation', 'key-rotation', 'migration', 'with-commands', 'with-a-command', 'bare-server', 'server-bought', 'server-removed', 'server-restarted', 'server-restart-recovered']) {
      expect(files.filter((name) => name.startsWith(scene))).not.toEqual([])
    }
  })

  it('are not taken for another workflow', async () => {
    const [file = ''] = files.filter((name) => name.includes('environment_deploy'))
    const history = stored(file)
    const [scheduled] = history.events.flatMap(({ activityTaskScheduledEventAttributes: attributes }) => attributes ?? [])
    if (!scheduled) throw new Error('a deploy works on servers')
    scheduled.activityType = { name: 'finish' }
    await expect(Worker.runReplayHistory({ workflowBundle }, history)).rejects.toThrow(/[Nn]ondeterminism/)
  })
})
