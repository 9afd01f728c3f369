import { mkdtemp, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, it } from 'vitest'
import { readSettings, settingsPath, storeSettings } from '../../cli/settings.ts'

const url = 'https://keystone.example.com'
let env: { XDG_CONFIG_HOME: string }

beforeEach(async () => {
  env = { XDG_CONFIG_HOME: await mkdtemp(join(tmpdir(), 'keystone-settings-')) }
})

it('are kept where only their user can read them', async () => {
  await storeSettings(env, { url, token: 'ks_secret', organisation: 'acme' })
  const path = join(env.XDG_CONFIG_HOME, 'keystone/config.json')
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({ url, token: 'ks_secret', organisation: 'acme' })
  expect(await readSettings(env)).toEqual({ url, token: 'ks_secret', organisation: 'acme' })
})

it('give way to the environment', async () => {
  await storeSettings(env, { url, token: 'ks_secret', organisation: 'acme' })
  expect(await readSettings({ ...env, KEYSTONE_TOKEN: 'ks_other', KEYSTONE_ORGANISATION: 'other' })).toEqual({ url, token: 'ks_other', organisation: 'other' })
})

it('never send a token to another address than the one it is for', async () => {
  await storeSettings(env, { url, token: 'ks_secret', organisation: 'acme' })
  expect(await readSettings({ ...env, KEYSTONE_URL: 'https://elsewhere.example.com/' })).toEqual({ url: 'https://elsewhere.example.com', token: null, organisation: null })
})

it('are those of a Keystone on this machine where there are none, and refused where they are broken', async () => {
  expect(await readSettings(env)).toEqual({ url: 'http://127.0.0.1:4000', token: null, organisation: null })
  await storeSettings(env, { url, token: null, organisation: null })
  await writeFile(settingsPath(env), '{')
  await expect(readSettings(env)).rejects.toThrow('remove it and log in again')
})
