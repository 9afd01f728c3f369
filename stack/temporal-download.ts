import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Say } from './say.ts'

const run = promisify(execFile)
const origin = 'https://temporal.download'

/** The SDK downloads a CLI only to start it, so that is done and undone, in a process that can be ended. */
const script = `
const { TestWorkflowEnvironment } = await import('@temporalio/testing')
const [version, downloadDir] = process.argv.slice(1)
const executable = { type: 'cached-download', version, downloadDir }
await (await TestWorkflowEnvironment.createLocal({ server: { executable } })).teardown()
`

/** Has the SDK download the CLI to `path`. Returns why that did not go, null where it did; 5 s where no network is. */
export async function downloadTemporalCli(version: string, path: string, say: Say): Promise<string | null> {
  const isReachable = await fetch(origin, { method: 'HEAD', signal: AbortSignal.timeout(5000) }).then(() => true, () => false)
  if (!isReachable) return `${origin} does not answer`
  say(`Downloading the Temporal CLI ${version}`)
  const folder = await mkdtemp(join(dirname(path), 'download-'))
  try {
    const argv = ['--input-type=module', '--eval', script, version, folder]
    await run(process.execPath, argv, { cwd: import.meta.dirname, timeout: 300_000 })
    const [file] = await readdir(folder)
    if (file === undefined) return 'the SDK left no file'
    await rename(join(folder, file), path)
    return null
  } catch (error) {
    return error instanceof Error ? (error.message.split('\n').at(-2) ?? error.message) : String(error)
  } finally {
    await rm(folder, { recursive: true })
  }
}
