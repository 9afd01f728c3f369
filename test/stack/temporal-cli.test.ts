import { chmod, mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { findTemporalCli } from '../../stack/temporal-cli.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keystone-cli-'))
  vi.stubGlobal('fetch', () => Promise.reject(new Error('offline')))
})
afterEach(() => {
  vi.unstubAllEnvs()
  vi.unstubAllGlobals()
})

const silent = () => {}

async function executable(path: string, text: string): Promise<string> {
  await mkdir(join(path, '..'), { recursive: true })
  await writeFile(path, `#!/bin/sh\n${text}\n`)
  await chmod(path, 0o755)
  return path
}

test('the configured CLI comes before the one on PATH, and that before the cache', async () => {
  const onPath = await executable(join(folder, 'bin/temporal'), 'exit 0')
  const search = { folders: ['/nowhere', join(folder, 'bin')], cache: join(folder, 'cache') }
  expect(await findTemporalCli({ configured: '/opt/temporal', ...search }, silent)).toBe('/opt/temporal')
  expect(await findTemporalCli({ configured: null, ...search }, silent)).toBe(onPath)
})

test('two who look at the same time build once, into the cache', async () => {
  const go = `while [ "$1" != -o ]; do shift; done; echo built >>"$BUILDS"; cp "$0" "$2"`
  await executable(join(folder, 'bin/go'), go)
  vi.stubEnv('PATH', `${join(folder, 'bin')}:/bin`)
  vi.stubEnv('BUILDS', join(folder, 'builds'))
  const search = { configured: null, folders: [], cache: join(folder, 'cache') }
  const [first, second] = await Promise.all([findTemporalCli(search, silent), findTemporalCli(search, silent)])
  expect(first).toBe(second)
  expect(first).toMatch(/cache\/temporal-[0-9a-f]{16}$/)
  expect((await readdir(search.cache)).toSorted()).toEqual([basename(first), `${basename(first)}.lock`])
  expect(await readFile(join(folder, 'builds'), 'utf8')).toBe('built\n')
})

test('where there is no way to a CLI it says what to do', async () => {
  vi.stubEnv('PATH', folder)
  const search = { configured: null, folders: [], cache: join(folder, 'cache') }
  await expect(findTemporalCli(search, silent)).rejects.toThrow('install one of them, or set TEMPORAL_ADDRESS')
})
