import { chmod, mkdir, mkdtemp, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { findTemporalCli } from '../../stack/temporal-cli.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keystone-cli-'))
})
afterEach(() => vi.unstubAllEnvs())

const silent = () => {}

async function executable(path: string, text: string): Promise<string> {
  await mkdir(join(path, '..'), { recursive: true })
  await writeFile(path, `#!/bin/sh\n${text}\n`)
  await chmod(path, 0o755)
  return path
}

test('the configured CLI comes before the one on PATH, and that before the cache', async () => {
  const onPath = await executable(join(folder, 'bin/temporal'), 'exit 0')
  vi.stubEnv('PATH', `${join(folder, 'bin')}${delimiter}${process.env.PATH}`)
  expect(await findTemporalCli('/opt/temporal', silent)).toBe('/opt/temporal')
  expect(await findTemporalCli(null, silent)).toBe(onPath)
})

test('two who look at the same time build once, into the cache', async () => {
  const go = `while [ "$1" != -o ]; do shift; done; echo built >>"$BUILDS/log"; cp "$0" "$2"`
  await executable(join(folder, 'bin/go'), go)
  vi.stubEnv('PATH', `${join(folder, 'bin')}${delimiter}/bin`)
  vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'))
  vi.stubEnv('BUILDS', folder)
  vi.stubGlobal('fetch', () => Promise.reject(new Error('offline')))
  const found = await Promise.all([findTemporalCli(null, silent), findTemporalCli(null, silent)])
  vi.unstubAllGlobals()
  expect(found[0]).toBe(found[1])
  expect(found[0]).toMatch(/cache\/keystone\/temporal-[0-9a-f]{16}$/)
  expect(await readdir(join(folder, 'cache/keystone'))).toHaveLength(1)
})

test('where there is no way to a CLI it says what to do', async () => {
  vi.stubEnv('PATH', folder)
  vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'))
  vi.stubGlobal('fetch', () => Promise.reject(new Error('offline')))
  await expect(findTemporalCli(null, silent)).rejects.toThrow('install one of them, or set TEMPORAL_ADDRESS')
  vi.unstubAllGlobals()
})
