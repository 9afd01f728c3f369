import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildSecrets } from '../../db/build-secrets.ts'
import type { EnvironmentId } from '../../domain/ids.ts'
import { createKeyring } from '../../drivers/secrets/keyring.ts'
import { Secret } from '../../domain/secret.ts'
import { setBuildSecret } from '../../db/build-secrets.ts'
import { makeEnvironment, makeServer } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi
let environmentId: EnvironmentId
let path: string

beforeAll(async () => {
  api = await createTestApi()
  environmentId = await makeEnvironment(api, { serverIds: [await makeServer(api)] })
  path = `${api.root}/environments/${environmentId}/build-secrets`
})
afterAll(() => api.close())

const planted = 'npm_planted-4f1c9b7e'

describe('a build secret', () => {
  it('is set, and shown to nobody: neither in answers nor in the audit, the log or the database', async () => {
    const set = await api.ask('PUT', `${path}/NPM_TOKEN`, { body: { value: planted } })
    expect(set).toMatchObject({ status: 200, body: { key: 'NPM_TOKEN', version: 1 } })
    const list = await api.ask<{ items: object[] }>('GET', path, { token: await api.tokenOf('viewer') })
    expect(list.body.items).toEqual([set.body])
    const [event] = await api.database.sql`select action, details from audit_events where target_id = ${environmentId} order by id desc limit 1`
    expect(event).toEqual({ action: 'build_secret.set', details: { key: 'NPM_TOKEN', version: 1 } })
    const stored = await api.database.sql`select value from build_secrets`
    expect(JSON.stringify([set.body, list.body, stored, api.logged()])).not.toContain(planted)
  })

  it('has another version with another value, and the same with the same', async () => {
    const put = async (value: string) => (await api.ask<{ version: number }>('PUT', `${path}/COMPOSER_AUTH`, { body: { value } })).body.version
    expect([await put('{}'), await put('{}'), await put('{"a":1}'), await put('{}')]).toEqual([1, 1, 2, 3])
  })

  it('is removed, and another one of its name is not taken for it', async () => {
    const { db } = api.database
    const keyring = createKeyring({ current: 'own', keys: { own: Buffer.alloc(32, 1).toString('base64') } })
    const other = await makeEnvironment(api, { serverIds: [await makeServer(api)] })
    const versions = async () => (await buildSecrets(db, keyring, other)).versions
    const set = () => db.transaction((tx) => setBuildSecret(tx, keyring, { environmentId: other, key: 'TOKEN', value: new Secret('the same') }))
    await set()
    const before = await versions()
    const remove = () => api.ask('DELETE', `${api.root}/environments/${other}/build-secrets/TOKEN`)
    expect(await remove()).toMatchObject({ status: 200, body: { key: 'TOKEN' } })
    expect(await remove()).toMatchObject({ status: 404, body: { code: 'build_secret_not_found' } })
    await set()
    const after = await versions()
    expect(Object.keys(after)).toEqual(['TOKEN'])
    expect(after).not.toEqual(before)
  })

  it.each([
    ['a name with a hyphen', 'NPM-TOKEN', { value: 'x' }, 'key'],
    ['no value', 'NPM_TOKEN', {}, 'value'],
    ['a value that is a number', 'NPM_TOKEN', { value: 1 }, 'value'],
  ])('does not take %s', async (_, key, body, field) => {
    const before = await api.stored()
    expect((await api.ask('PUT', `${path}/${key}`, { body })).body).toMatchObject({ status: 422, code: 'invalid_input', errors: [{ field }] })
    expect(await api.stored()).toEqual(before)
  })

  it('is set by admins alone, and a 404 from another organisation', async () => {
    const body = { value: 'x' }
    expect((await api.ask('PUT', `${path}/NPM_TOKEN`, { body, token: await api.tokenOf('deployer') })).status).toBe(403)
    const stranger = await api.anotherOrganisation()
    const theirs = `${stranger.root}/environments/${environmentId}/build-secrets`
    for (const [method, at, sent] of [['GET', theirs, undefined], ['PUT', `${theirs}/A`, body], ['DELETE', `${theirs}/NPM_TOKEN`, undefined]] as const) {
      expect((await api.ask(method, at, { body: sent, token: stranger.token })).body).toMatchObject({ status: 404, code: 'environment_not_found' })
    }
  })
})

describe('build settings', () => {
  const at = () => `${api.root}/environments/${environmentId}`
  const change = (build: object) => api.ask<Record<string, unknown>>('PATCH', at(), { body: { build } })

  it('are changed one by one, and the others stay', async () => {
    await change({ phpVersion: '8.3', assetBuild: 'bun', variables: { VITE_NAME: 'Shop' } })
    const { status, body } = await change({ assetBuild: 'node' })
    expect(status).toBe(200)
    expect(body.buildConfig).toMatchObject({ phpVersion: '8.3', assetBuild: 'node', variables: { VITE_NAME: 'Shop' }, documentRoot: 'public' })
    expect((await change({ variables: {} })).body.buildConfig).toMatchObject({ variables: {}, assetBuild: 'node' })
  })

  it.each([
    ['an unknown setting', { phpVersoin: '8.4' }, 'build.phpVersoin'],
    ['another manager', { assetBuild: 'npm' }, 'build.assetBuild'],
    ['a variable with a bad name', { variables: { 'A-B': 'x' } }, 'build.variables.A-B'],
    ['what is no option of composer', { composerFlags: ['install'] }, 'build.composerFlags[0]'],
    ['a persistent path outside', { persistentPaths: ['../data'] }, 'build.persistentPaths[0]'],
  ])('refuse %s by its field, and nothing is changed', async (_, build, field) => {
    const before = await api.stored()
    expect((await api.ask('PATCH', at(), { body: { build } })).body).toMatchObject({ status: 422, code: 'invalid_input', errors: [{ field }] })
    expect(await api.stored()).toEqual(before)
  })
})
