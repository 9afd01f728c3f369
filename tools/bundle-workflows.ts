import { join } from 'node:path'
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker'

/** Prints the workflow bundle: for a worker that runs from the sources (worker.ts). */
const workflowsPath = join(import.meta.dirname, '../workflows/index.ts')
const { code } = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('WARN') })
process.stdout.write(code)
