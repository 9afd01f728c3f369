import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../lab/run.ts'

const given = 'KEYSTONE_WORKFLOW_BUNDLE'
const program = new URL('../../tools/bundle-workflows.ts', import.meta.url).pathname

/** Workers are started by the dozen: the workflows are bundled once for all of a run. */
export default async function setup() {
  if (process.env[given] !== undefined) return
  const path = join(await mkdtemp(join(tmpdir(), 'workflows-')), 'bundle.js')
  await writeFile(path, await run([process.execPath, '--import', 'tsx', program]))
  process.env[given] = path
}
