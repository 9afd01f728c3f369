import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openGitHost, type GitHost } from './git-host.ts'
import { freeName, makeApplication, makeReadableApplication, someHostKey } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi
let host: GitHost
const applications = () => `${api.root}/applications`

beforeAll(async () => {
  api = await createTestApi()
  host = await openGitHost()
})
afterAll(() => Promise.all([api.close(), host.close()]))

const wish = (overrides: object = {}) => ({
  ...{ name: freeName('shop'), repositoryUrl: 'git@git.example.com:team/shop.git', repositoryType: 'generic' },
  ...overrides,
})

describe('an application', () => {
  it('gets a deploy key of its own, whose private half is never shown', async () => {
    const { status, body } = await api.ask<Record<string, string>>('POST', applications(), { body: wish({ name: 'visits' }) })
    expect([status, body.defaultBranch, body.projectRoot, body.deployKeyInstalledAt]).toEqual([201, 'main', '.', null])
    expect(body.deployKeyPublic).toMatch(/^ssh-ed25519 AAAA\S+ keystone visits$/)
    expect(body.deployKeyFingerprint).toMatch(/^SHA256:/)
    expect(JSON.stringify(body)).not.toContain('PRIVATE KEY')
    expect((await api.ask('GET', `${applications()}/${body.id}`)).body).toEqual(body)
    expect((await api.ask<{ items: unknown[] }>('GET', applications())).body.items).toContainEqual(body)
  })

  it.each([
    ['https', 'https://git.example.com/team/shop.git'],
    ['no path', 'git@git.example.com'],
    ['words', 'my repository'],
    ['an option as its host', 'ssh://-oProxyCommand=reboot/shop.git'],
    ['an option as its path', 'git@git.example.com:--upload-pack=reboot'],
    ['a port that is none', 'ssh://git@git.example.com:99999/shop.git'],
    ['a file', 'file:///etc/passwd'],
  ])('does not take %s for its repository', async (_, repositoryUrl) => {
    const before = await api.stored()
    const { body } = await api.ask('POST', applications(), { body: wish({ repositoryUrl }) })
    expect(body).toMatchObject({ status: 422, code: 'invalid_repository_url', errors: [{ field: 'repositoryUrl' }] })
    expect(body.detail).toContain('ssh://git@git.example.com/team/shop.git')
    expect(await api.stored()).toEqual(before)
  })

  it.each([
    ['a name with a slash', { name: 'team/shop' }, 'name'],
    ['a name that ends in a hyphen', { name: 'shop-' }, 'name'],
    ['a name that is a number', { name: 7 }, 'name'],
    ['an unknown kind of host', { repositoryType: 'svn' }, 'repositoryType'],
    ['a branch with blanks', { defaultBranch: 'my branch' }, 'defaultBranch'],
    ['a branch that looks like an option', { defaultBranch: '--force' }, 'defaultBranch'],
    ['a branch with two dots', { defaultBranch: 'a..b' }, 'defaultBranch'],
    ['a root outside of the repository', { projectRoot: '../..' }, 'projectRoot'],
    ['an absolute root', { projectRoot: '/etc' }, 'projectRoot'],
    ['line breaks in the address', { repositoryUrl: 'git@git.example.com:a\nb' }, 'repositoryUrl'],
    ['nothing as its address', { repositoryUrl: undefined }, 'repositoryUrl'],
  ])('does not take %s', async (_, overrides, field) => {
    const before = await api.stored()
    const { body } = await api.ask('POST', applications(), { body: wish(overrides) })
    expect(body).toMatchObject({ status: 422, code: 'invalid_input', errors: [{ field }] })
    expect(await api.stored()).toEqual(before)
  })

  it('has a name of its own', async () => {
    const taken = wish()
    await api.make(applications(), taken)
    expect((await api.ask('POST', applications(), { body: taken })).body).toMatchObject({ status: 409, code: 'already_taken', errors: [{ field: 'name' }] })
  })
})

describe('verifying the deploy key', () => {
  const verify = (id: string) => api.ask<{ deployKeyInstalledAt: string; code: string }>('POST', `${applications()}/${id}/verify`)

  it('leads from the unconfirmed host over the missing key to an application that can be deployed', async () => {
    const { id, deployKeyPublic } = await api.make<{ id: string; deployKeyPublic: string }>(applications(), wish({ repositoryUrl: host.repositoryUrl }))
    expect((await verify(id)).body).toMatchObject({ status: 409, code: 'host_key_unknown', hostKey: host.hostKey, errors: [{ field: 'repositoryUrl' }] })
    const confirmed = await api.make<{ fingerprint: string }>(`${api.root}/git-host-keys`, { host: '127.0.0.1', port: host.port, key: host.hostKey })
    expect(confirmed.fingerprint).toMatch(/^SHA256:/)
    expect((await verify(id)).body).toMatchObject({ status: 422, code: 'access_denied', deployKeyPublic, errors: [{ field: 'repositoryUrl' }] })
    host.install(deployKeyPublic)
    const verified = await verify(id)
    expect([verified.status, typeof verified.body.deployKeyInstalledAt]).toEqual([200, 'string'])
    expect((await verify(id)).body.deployKeyInstalledAt).toBe(verified.body.deployKeyInstalledAt)
  })

  it('refuses a host that shows another key than the confirmed one', async () => {
    const id = await makeReadableApplication(api, host)
    await api.make(`${api.root}/git-host-keys`, { host: '127.0.0.1', port: host.port, key: someHostKey })
    expect((await verify(id)).body).toMatchObject({ status: 409, code: 'host_key_changed', hostKey: host.hostKey })
    await api.make(`${api.root}/git-host-keys`, { host: '127.0.0.1', port: host.port, key: host.hostKey })
    expect((await verify(id)).status).toBe(200)
    const keys = await api.ask<{ items: { port: number }[] }>('GET', `${api.root}/git-host-keys`)
    expect(keys.body.items.filter(({ port }) => port === host.port)).toHaveLength(1)
  })

  it('says that a repository is not there', async () => {
    const { id, deployKeyPublic } = await api.make<{ id: string; deployKeyPublic: string }>(
      applications(),
      wish({ repositoryUrl: host.repositoryUrl.replace('shop', 'nothing') }),
    )
    await api.make(`${api.root}/git-host-keys`, { host: '127.0.0.1', port: host.port, key: host.hostKey })
    host.install(deployKeyPublic)
    expect((await verify(id)).body).toMatchObject({ status: 422, code: 'repository_not_found', deployKeyPublic })
  })

  it('says that nobody answers', async () => {
    const id = await makeApplication(api, 'ssh://git@127.0.0.1:1/team/shop.git')
    await api.make(`${api.root}/git-host-keys`, { host: '127.0.0.1', port: 1, key: someHostKey })
    expect((await verify(id)).body).toMatchObject({ status: 422, code: 'unreachable' })
  })

  it('is a 404 from another organisation', async () => {
    const other = await api.anotherOrganisation()
    const id = await makeApplication(api)
    for (const [method, path] of [['GET', ''], ['POST', '/verify'], ['POST', '/environments']] as const) {
      const sent = path === '/environments' ? { body: { name: 'production' } } : {}
      const { body } = await api.ask(method, `${other.root}/applications/${id}${path}`, { token: other.token, ...sent })
      expect(body).toMatchObject({ status: 404, code: 'application_not_found' })
    }
  })
})

describe('the rotation of a deploy key', () => {
  interface Rotated {
    deployKeyPublic: string
    nextDeployKey: { public: string; fingerprint: string } | null
  }
  const rotation = (id: string) => `${applications()}/${id}/deploy-key-rotation`

  it('goes on with the present key until the repository takes the new one', async () => {
    const id = await makeReadableApplication(api, host)
    const { body: before } = await api.ask<Rotated>('GET', `${applications()}/${id}`)
    const { body: begun } = await api.ask<Rotated>('POST', rotation(id))
    expect(begun).toMatchObject({ deployKeyPublic: before.deployKeyPublic, nextDeployKey: { public: expect.stringMatching(/^ssh-ed25519 /), fingerprint: expect.stringMatching(/^SHA256:/) } })
    expect(JSON.stringify(begun)).not.toContain('PRIVATE KEY')
    expect((await api.ask<Rotated>('POST', rotation(id))).body.nextDeployKey).toEqual(begun.nextDeployKey)

    const refused = await api.ask('POST', `${rotation(id)}/complete`)
    expect(refused.body).toMatchObject({ status: 422, code: 'access_denied', deployKeyPublic: begun.nextDeployKey!.public })
    expect((await api.ask('POST', `${applications()}/${id}/verify`)).status).toBe(200)

    host.install(begun.nextDeployKey!.public)
    const { status, body: after } = await api.ask<Rotated>('POST', `${rotation(id)}/complete`)
    expect([status, after.deployKeyPublic, after.nextDeployKey]).toEqual([200, begun.nextDeployKey!.public, null])
    expect((await api.ask('POST', `${applications()}/${id}/verify`)).status).toBe(200)
    expect((await api.ask('POST', `${rotation(id)}/complete`)).body).toMatchObject({ status: 409, code: 'no_rotation' })
  })

  it('can be abandoned, and is the admins\'', async () => {
    const id = await makeApplication(api)
    const { body: begun } = await api.ask<Rotated>('POST', rotation(id))
    expect(begun.nextDeployKey).not.toBeNull()
    expect(await api.ask('POST', rotation(id), { token: await api.tokenOf('deployer') })).toMatchObject({ status: 403 })
    expect((await api.ask<Rotated>('DELETE', rotation(id))).body).toMatchObject({ deployKeyPublic: begun.deployKeyPublic, nextDeployKey: null })
    expect((await api.ask('POST', `${rotation(id)}/complete`)).body).toMatchObject({ status: 409, code: 'no_rotation' })
    expect((await api.ask<Rotated>('POST', rotation(id))).body.nextDeployKey).not.toEqual(begun.nextDeployKey)
  })
})

describe('a change', () => {
  const read = async (id: string) => (await api.ask<{ repositoryUrl: string; defaultBranch: string; deployKeyInstalledAt: string | null }>('GET', `${api.root}/applications/${id}`)).body

  it('of the default branch leaves the rest', async () => {
    const id = await makeReadableApplication(api, host)
    await api.make(`${api.root}/applications/${id}/verify`)
    const before = await read(id)
    const { status } = await api.ask('PATCH', `${api.root}/applications/${id}`, { body: { defaultBranch: 'trunk', repositoryUrl: before.repositoryUrl } })
    expect(status).toBe(200)
    expect(await read(id)).toEqual({ ...before, defaultBranch: 'trunk', updatedAt: expect.any(String) })
  })

  it('to another repository has the deploy key verified again', async () => {
    const id = await makeReadableApplication(api, host)
    await api.make(`${api.root}/applications/${id}/verify`)
    const { status } = await api.ask('PATCH', `${api.root}/applications/${id}`, { body: { repositoryUrl: 'git@git.example.com:team/moved.git' } })
    expect(status).toBe(200)
    expect(await read(id)).toMatchObject({ repositoryUrl: 'git@git.example.com:team/moved.git', deployKeyInstalledAt: null })
  })

  it.each([
    ['another name, by which containers are called', { name: 'other' }, 'name'],
    ['an address without SSH', { repositoryUrl: 'https://git.example.com/team/shop.git' }, 'repositoryUrl'],
  ])('is not %s', async (_, body, field) => {
    const id = await makeApplication(api)
    const before = await api.stored()
    expect((await api.ask('PATCH', `${api.root}/applications/${id}`, { body })).body).toMatchObject({ status: 422, errors: [{ field }] })
    expect(await api.stored()).toEqual(before)
  })
})

it('forgets a host key, and asks for it again', async () => {
  const id = await makeReadableApplication(api, host)
  const { body } = await api.ask<{ items: { id: string; port: number }[] }>('GET', `${api.root}/git-host-keys`)
  const { id: keyId } = body.items.find(({ port }) => port === host.port)!
  expect(await api.ask('DELETE', `${api.root}/git-host-keys/${keyId}`)).toMatchObject({ status: 200, body: { id: keyId } })
  expect(await api.ask('DELETE', `${api.root}/git-host-keys/${keyId}`)).toMatchObject({ status: 404, body: { code: 'git_host_key_not_found' } })
  expect((await api.ask('POST', `${api.root}/applications/${id}/verify`)).body).toMatchObject({ code: 'host_key_unknown' })
})

it.each([
  ['a host with a scheme', { host: 'ssh://git.example.com' }, 'host'],
  ['a fingerprint instead of the key', { key: 'SHA256:abc' }, 'key'],
  ['a port below the first', { port: 0 }, 'port'],
])('does not confirm %s', async (_, overrides, field) => {
  const before = await api.stored()
  const { body } = await api.ask('POST', `${api.root}/git-host-keys`, { body: { host: 'git.example.com', key: someHostKey, ...overrides } })
  expect(body).toMatchObject({ status: 422, errors: [{ field }] })
  expect(await api.stored()).toEqual(before)
})
