import { execFileSync } from 'node:child_process'
import { cp, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bundleWorkflowCode } from '@temporalio/worker'

const root = join(import.meta.dirname, '..')
const dist = join(root, 'dist')
/** Rooms with files that are read at run time, beside the module that reads them. */
const rooms = ['drivers', 'db', 'api']

/** Makes dist: compiled JavaScript, scripts and templates, and the workflow bundle, which a worker finds beside itself. */
async function build(): Promise<void> {
  await rm(dist, { recursive: true, force: true })
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  execFileSync(process.execPath, [compiler, '--project', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' })
  for (const room of rooms) await copyAssets(room)
  const { code } = await bundleWorkflowCode({ workflowsPath: join(root, 'workflows/index.ts') })
  await writeFile(join(dist, 'workflow-bundle.js'), code)
}

async function copyAssets(room: string): Promise<void> {
  const entries = await readdir(join(root, room), { recursive: true, withFileTypes: true })
  for (const entry of entries.filter((each) => each.isFile() && !each.name.endsWith('.ts'))) {
    const path = join(entry.parentPath, entry.name)
    await cp(path, join(dist, path.slice(root.length)))
  }
}

await build()
