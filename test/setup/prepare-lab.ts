import { firstDeployImages } from '../lab/images.ts'
import { ensureDocker, prepareImages } from '../lab/index.ts'

/** Makes what takes long in the lab, beside the tests that need none. Exit code 3: there is no Docker here and no way to it. */
const log = (line: string) => console.log(`lab: ${line}`)
const failed = (exitCode: number) => (error: unknown) => {
  log(error instanceof Error ? error.message : String(error))
  process.exit(exitCode)
}

await ensureDocker({ log }).catch(failed(3))
await prepareImages({ only: [...firstDeployImages, 'pebble'], log }).catch(failed(1))
