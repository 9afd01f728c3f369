import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { tidy } from '../../../drivers/services/prune.ts'

let root: string

/** Docker has containers as `told` has them, a line each: id, hash of the operation, moment of its end, name. There are no folders. */
const docker = `#!/bin/bash
case $1 in
  ps) echo "$*" >>"$ROOT/asked"; cut -d ' ' -f 1 "$ROOT/told" ;;
  inspect) grep "^\${@: -1} " "$ROOT/told" | cut -d ' ' -f 2- ;;
  rm) echo "$2" >>"$ROOT/removed" ;;
esac
`

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tidy-'))
  await writeFile(join(root, 'docker'), docker, { mode: 0o755 })
  await writeFile(join(root, 'sudo'), '#!/bin/bash\nexit 1\n', { mode: 0o755 })
})
afterEach(() => rm(root, { recursive: true, force: true }))

it('containers of ended operations go a day after their end, by the labels of this organisation alone', async () => {
  const ended = (hoursAgo: number) => new Date(Date.now() - hoursAgo * 3_600_000).toISOString()
  const told = [`a1 aaa ${ended(25)} /old`, `b1 bbb ${ended(23)} /young`, `c1 ccc ${ended(48)} /of-an-open-operation`]
  await writeFile(join(root, 'told'), `${told.join('\n')}\n`)
  const { script, inputs } = tidy({ organisationId: 'organisation-1', operations: ['ccc'] })
  const env = { ...process.env, ...inputs, ROOT: root, PATH: `${root}:${process.env.PATH}` }
  const { stdout } = await promisify(execFile)('bash', ['-c', script], { env })
  expect(stdout).toBe('Removed the container old\n')
  expect(await readFile(join(root, 'removed'), 'utf8')).toBe('a1\n')
  expect(await readFile(join(root, 'asked'), 'utf8')).toContain('--filter label=keystone.organisation=organisation-1 --filter label=keystone.oneoff --filter status=exited --filter status=dead')
})
