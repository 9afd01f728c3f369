import { chmod, mkdtemp, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { Secret } from '../../../domain/secret.ts'
import { ensureKeyFile, readKeyring } from '../../../drivers/secrets/key-file.ts'

const place = { table: 'api_tokens', column: 'value', id: '1' }
let path: string
beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'keystone-keys-')), 'keys.json')
})

test('a key file that was made opens what it sealed, and only we may read it', async () => {
  await ensureKeyFile(path)
  const sealed = (await readKeyring(path)).seal(new Secret('hunter2'), place)
  expect((await readKeyring(path)).open(sealed, place).reveal()).toBe('hunter2')
  expect((await stat(path)).mode & 0o777).toBe(0o600)
})

test('several makers at once leave one file, which later ones keep', async () => {
  await Promise.all([ensureKeyFile(path), ensureKeyFile(path)])
  const made = await readFile(path, 'utf8')
  await ensureKeyFile(path)
  expect(await readFile(path, 'utf8')).toBe(made)
})

test('refuses keys that others may read, and a file that holds none', async () => {
  await writeFile(path, '{}', { mode: 0o600 })
  await expect(readKeyring(path)).rejects.toThrow('is not a key file')
  await chmod(path, 0o640)
  await expect(readKeyring(path)).rejects.toThrow(`chmod 600 ${path}`)
})
