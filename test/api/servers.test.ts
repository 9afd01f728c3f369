import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openGitHost, type GitHost } from './git-host.ts'
import { keyFingerprint } from '../../drivers/sources/known-hosts.ts'
import { freeName, makeServer, rootPrivateKey, serverWish, someHostKey, type WithOperation } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi
let ssh: GitHost
const servers = () => `${api.root}/servers`

beforeAll(async () => {
  api = await createTestApi()
  ssh = await openGitHost()
})
afterAll(() => Promise.all([api.close(), ssh.close()]))

interface Adopted extends WithOperation {
  server: { id: string }
}

describe('adopting a server', () => {
  it('shows the host key that it saw, and adopts only with it', async () => {
    const { hostKey, ...unconfirmed } = serverWish({ address: '127.0.0.1', sshPort: ssh.port })
    const before = await api.stored()
    const seen = await api.ask('POST', servers(), { body: unconfirmed })
    expect(seen.body).toMatchObject({ status: 409, code: 'host_key_unconfirmed', hostKey: ssh.hostKey, errors: [{ field: 'hostKey' }] })
    expect(seen.body.fingerprint).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/)
    expect(await api.stored()).toEqual(before)
    const adopted = await api.ask<Adopted>('POST', servers(), { body: { ...unconfirmed, hostKey: seen.body.hostKey } })
    expect(adopted.status).toBe(202)
    expect(adopted.body).toMatchObject({
      server: { address: '127.0.0.1', sshPort: ssh.port, status: 'new', hostKey: ssh.hostKey, hostKeyFingerprint: seen.body.fingerprint },
      operation: { kind: 'server_provision', status: 'pending', targetId: adopted.body.server.id, summary: `provision ${unconfirmed.name}` },
    })
    expect(adopted.headers.get('location')).toBe(`${api.root}/operations/${adopted.body.operation.id}`)
    expect((await api.ask('GET', `${servers()}/${adopted.body.server.id}`)).body).toEqual(adopted.body.server)
  })

  it('takes the key that is seen where its fingerprint was given, and no other', async () => {
    const { hostKey, ...wish } = serverWish({ address: '127.0.0.1', sshPort: ssh.port, name: freeName('by-fingerprint') })
    const wrong = { ...wish, hostKeyFingerprint: keyFingerprint(someHostKey) }
    const refused = await api.ask('POST', servers(), { body: wrong })
    expect(refused.body).toMatchObject({ status: 409, code: 'host_key_mismatch', hostKey: ssh.hostKey, errors: [{ field: 'hostKey' }] })
    expect(refused.body.detail).toContain(wrong.hostKeyFingerprint)
    const organisation = await api.anotherOrganisation()
    const right = { ...wish, hostKeyFingerprint: keyFingerprint(ssh.hostKey) }
    const adopted = await api.ask<Adopted>('POST', `${organisation.root}/servers`, { body: right, token: organisation.token })
    expect(adopted.body).toMatchObject({ server: { hostKey: ssh.hostKey } })
  })

  it('keeps a password sealed, until the management key works', async () => {
    const { server } = await api.make<Adopted>(servers(), serverWish({ firstLogin: { user: 'debian', password: 'correct horse' } }))
    const [row] = await api.database.sql`select adoption_user, adoption_key_private, adoption_password from servers where id = ${server.id}`
    expect(row).toEqual({ adoption_user: 'debian', adoption_key_private: null, adoption_password: expect.stringMatching(/^k1\./) })
    expect(api.logged()).not.toContain('correct horse')
  })

  it('says where nobody answers', async () => {
    const { hostKey, ...wish } = serverWish({ address: '127.0.0.1', sshPort: 1 })
    expect((await api.ask('POST', servers(), { body: wish })).body).toMatchObject({ status: 422, code: 'unreachable', errors: [{ field: 'address' }] })
  })

  it('keeps private keys out of answers, logs and the plain database', async () => {
    const answer = await api.ask('POST', servers(), { body: serverWish() })
    expect(JSON.stringify(answer.body)).not.toContain('PRIVATE KEY')
    expect(api.logged()).not.toContain('PRIVATE KEY')
    const rows = await api.database.sql`select s::text as text from servers s`
    expect(rows.map(({ text }) => text).join()).not.toContain('PRIVATE KEY')
  })

  it('drops the comment behind a host key', async () => {
    const { server } = await api.make<{ server: { hostKey: string } }>(servers(), serverWish({ hostKey: `${someHostKey} root@somewhere` }))
    expect(server.hostKey).toBe(someHostKey)
  })

  it.each([
    ['name', { address: 'elsewhere.example.com' }],
    ['address', { name: 'other-name' }],
  ])('refuses a %s that another server has', async (field, overrides) => {
    const wish = serverWish()
    await api.make(servers(), wish)
    const before = await api.stored()
    const { body } = await api.ask('POST', servers(), { body: { ...wish, ...overrides } })
    expect(body).toMatchObject({ status: 409, code: 'already_taken', errors: [{ field }] })
    expect(await api.stored()).toEqual(before)
  })

  it.each([
    ['an address with a scheme', { address: 'https://203.0.113.10' }, 'address'],
    ['an address with a port', { address: '203.0.113.10:22' }, 'address'],
    ['an address that looks like an option', { address: '-oProxyCommand=reboot' }, 'address'],
    ['a name with upper case', { name: 'Web' }, 'name'],
    ['a name with a blank', { name: 'web 1' }, 'name'],
    ['a name that is too long', { name: 'x'.repeat(64) }, 'name'],
    ['an empty name', { name: '' }, 'name'],
    ['a port beyond the last', { sshPort: 65536 }, 'sshPort'],
    ['a port that is a text', { sshPort: '22' }, 'sshPort'],
    ['a public key for the private one', { firstLogin: { privateKey: someHostKey } }, 'firstLogin.privateKey'],
    ['half a key', { firstLogin: { privateKey: rootPrivateKey.slice(0, 80) } }, 'firstLogin.privateKey'],
    ['no first login', { firstLogin: undefined }, 'firstLogin'],
    ['neither key nor password', { firstLogin: { user: 'root' } }, 'firstLogin'],
    ['both key and password', { firstLogin: { privateKey: rootPrivateKey, password: 'correct horse' } }, 'firstLogin'],
    ['a user that looks like an option', { firstLogin: { user: '-oProxyCommand=reboot', password: 'correct horse' } }, 'firstLogin.user'],
    ['half a fingerprint', { hostKeyFingerprint: 'SHA256:abc' }, 'hostKeyFingerprint'],
    ['a host key that is none', { hostKey: 'ssh-ed25519 AAAA' }, 'hostKey'],
    ['a private address that is a name', { privateAddress: 'web-1.internal' }, 'privateAddress'],
    ['a private address of the networks that Docker makes', { privateAddress: '10.201.3.1' }, 'privateAddress'],
    ['a private network without an address in it', { privateNetwork: 'eu' }, 'privateAddress'],
    ['an unknown field', { sshport: 22 }, 'sshport'],
    ['a NUL character', { privateNetwork: 'a\0b' }, 'body'],
    ['half of a character', { privateNetwork: 'a\ud83db' }, 'body'],
  ])('refuses %s', async (_, overrides, field) => {
    const before = await api.stored()
    const { body } = await api.ask('POST', servers(), { body: serverWish(overrides) })
    expect(body).toMatchObject({ status: 422, code: 'invalid_input', errors: [{ field }] })
    expect(body.detail).toContain(field === 'body' ? 'NUL' : `${field}: `)
    expect(await api.stored()).toEqual(before)
  })
})

describe('a private address', () => {
  it('is in the network that is named, else in the default one', async () => {
    const made = async (wish: object) =>
      (await api.ask<{ server: object }>('POST', servers(), { body: serverWish(wish) })).body.server
    expect(await made({ privateAddress: '10.0.0.2' })).toMatchObject({ privateAddress: '10.0.0.2', privateNetwork: 'default' })
    expect(await made({ privateAddress: '10.0.0.2', privateNetwork: 'eu' })).toMatchObject({ privateNetwork: 'eu' })
    expect(await made({})).toMatchObject({ privateAddress: null, privateNetwork: null })
  })

  it('is one server\'s alone in its network', async () => {
    await api.make(servers(), serverWish({ privateAddress: '10.0.0.9' }))
    const { body } = await api.ask('POST', servers(), { body: serverWish({ privateAddress: '10.0.0.9' }) })
    expect(body).toMatchObject({ status: 409, code: 'already_taken', errors: [{ field: 'privateAddress' }] })
  })
})

describe('a host key that has changed', () => {
  const accept = (id: string, fingerprint: string) => api.ask('POST', `${servers()}/${id}/accept-host-key`, { body: { fingerprint } })

  it('is pinned where it is what the server shows, and by nobody else', async () => {
    const { server } = await api.make<Adopted>(`${servers()}`, serverWish({ address: 'localhost', sshPort: ssh.port, hostKey: someHostKey }))
    const before = await api.stored()
    const refused = await accept(server.id, keyFingerprint(someHostKey))
    expect(refused.body).toMatchObject({ status: 409, code: 'host_key_mismatch', hostKey: ssh.hostKey, errors: [{ field: 'fingerprint' }] })
    expect(await api.stored()).toEqual(before)
    const fingerprint = keyFingerprint(ssh.hostKey)
    expect(await accept(server.id, fingerprint)).toMatchObject({ status: 200, body: { id: server.id, hostKey: ssh.hostKey, hostKeyFingerprint: fingerprint } })
    expect((await accept(server.id, fingerprint)).status).toBe(200)
  })
})

describe('a new name', () => {
  it('is what the server is called from then on, unless another one has it', async () => {
    const [id, other] = [await makeServer(api), await makeServer(api)]
    const taken = (await api.ask<{ name: string }>('GET', `${api.root}/servers/${other}`)).body.name
    expect(await api.ask('PATCH', `${api.root}/servers/${id}`, { body: { name: taken } })).toMatchObject({ status: 409, body: { code: 'already_taken', errors: [{ field: 'name' }] } })
    expect(await api.ask('PATCH', `${api.root}/servers/${id}`, { body: { name: 'db-2' } })).toMatchObject({ status: 200, body: { id, name: 'db-2' } })
    expect((await api.ask('GET', `${api.root}/servers/${id}`)).body).toMatchObject({ name: 'db-2' })
  })
})

describe('provisioning again', () => {
  it('may be given another first login, which takes the place of the one before', async () => {
    const id = await makeServer(api)
    await api.ask('POST', `${servers()}/${id}/provision`, { body: { firstLogin: { password: 'another one' } } })
    const [row] = await api.database.sql`select adoption_user, adoption_key_private, adoption_password from servers where id = ${id}`
    expect(row).toEqual({ adoption_user: 'root', adoption_key_private: null, adoption_password: expect.stringMatching(/^k1\./) })
    await api.ask('POST', `${servers()}/${id}/provision`)
    const [after] = await api.database.sql`select adoption_user, adoption_key_private, adoption_password from servers where id = ${id}`
    expect(after).toEqual(row)
  })

  it('waits for the one before', async () => {
    const id = await makeServer(api)
    const again = await api.ask<WithOperation['operation']>('POST', `${servers()}/${id}/provision`)
    expect([again.status, again.body.kind, again.body.status]).toEqual([202, 'server_provision', 'queued'])
  })

  it('is a 404 for a server of another organisation', async () => {
    const other = await api.anotherOrganisation()
    const id = await makeServer(api)
    for (const [method, path] of [['GET', id], ['POST', `${id}/provision`]] as const) {
      const { body } = await api.ask(method, `${other.root}/servers/${path}`, { token: other.token })
      expect(body).toMatchObject({ status: 404, code: 'server_not_found' })
    }
  })
})

it('lists servers newest first, page by page', async () => {
  const ids = [await makeServer(api), await makeServer(api)].reverse()
  const page = await api.ask<{ items: { id: string }[]; nextCursor: string }>('GET', `${servers()}?limit=2`)
  expect(page.body.items.map(({ id }) => id)).toEqual(ids)
  expect(page.body.nextCursor).toBe(ids[1])
})
