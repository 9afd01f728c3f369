import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const given = 'KEYSTONE_TEST_FOLDER'

/** Whatever a run puts into the temporary folder goes with the run. Other users may enter, for Postgres does not run as root. */
export default async function setup() {
  if (process.env[given] !== undefined) return undefined
  const folder = await mkdtemp(join(tmpdir(), 'keystone-test-'))
  await chmod(folder, 0o755)
  Object.assign(process.env, { [given]: folder, TMPDIR: folder })
  return () => rm(folder, { recursive: true, force: true })
}
