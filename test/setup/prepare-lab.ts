import { ensureDocker, prepareImages } from '../lab/index.ts'

const log = (line: string) => console.log(`lab: ${line}`)

/** Makes what takes long in the lab, beside the tests that need none. */
try {
  await ensureDocker({ log })
  await prepareImages({ log })
} catch (error) {
  log(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
