import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { networkOf } from '../../api/client-address.ts'
import { freeName } from './scene.ts'
import { createTestApi, type ProblemBody, type TestApi } from './test-api.ts'

let api: TestApi
let email: string
let token: string

const password = 'correct horse battery staple'
const proxy = '10.0.0.1'

beforeAll(async () => {
  api = await createTestApi({ trustedProxies: ['10.0.0.0/8'] })
})
beforeEach(async () => {
  token = await api.tokenOf('viewer')
  email = (await who(token)).user.email
  await api.ask('PUT', '/user/password', { token, body: { password } })
})
afterAll(() => api.close())

interface Session {
  token: string
  expiresAt: string
  user: { id: string; email: string }
}

const freeAddress = () => `203.${[...randomBytes(3)].join('.')}`
const login = <Body = Session & ProblemBody>(body: object, { from = freeAddress(), headers = {} } = {}) =>
  api.ask<Body>('POST', '/login', { token: null, body, from, headers })
const who = async (of: string) => (await api.ask<{ user: { id: string; email: string }; token: { kind: string }; organisations: object[] }>('GET', '/user', { token: of })).body
const wrong = () => ({ email, password: 'not the password' })
const nobody = () => ({ email: `${freeName('nobody')}@example.com`, password })

describe('a login', () => {
  it('gives a session that ends by itself, whatever the case of the address', async () => {
    const { status, body } = await login({ email: email.toUpperCase(), password })
    expect([status, body.user.email]).toEqual([200, email])
    const hours = (Date.parse(body.expiresAt) - Date.now()) / 3_600_000
    expect([hours > 11, hours < 13]).toEqual([true, true])
    expect(await who(body.token)).toMatchObject({ user: { id: body.user.id }, token: { kind: 'session', isWhole: true }, organisations: [{ id: api.organisationId, role: 'viewer' }] })
    await api.database.sql`update api_tokens set expires_at = now() where id = (select max(id::text)::uuid from api_tokens where kind = 'session')`
    expect((await api.ask('GET', '/user', { token: body.token })).status).toBe(401)
  })

  it('stands in the audit of the account, with where it came from', async () => {
    const from = freeAddress()
    const { body } = await login({ email, password }, { from })
    const events = await api.ask<{ items: object[] }>('GET', '/user/audit-events', { token: body.token })
    expect(events.body.items).toMatchObject([
      { action: 'user.logged_in', targetId: body.user.id, actor: { email, tokenName: 'login' }, details: { address: from } },
      { action: 'user.password_changed', actor: { email } },
    ])
  })

  it('is refused alike for a wrong password, an account without one, and no account', async () => {
    await api.tokenOf('viewer')
    const [withoutPassword] = await api.database.sql`select email from users where password_hash is null order by id desc limit 1`
    const answers = [await login(wrong()), await login({ email: withoutPassword!.email, password }), await login(nobody())]
    for (const { status, body, headers } of answers) {
      expect([status, headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="keystone"'])
      expect(body).toEqual(answers[0]!.body)
    }
    expect(answers[0]!.body).toMatchObject({ code: 'login_failed' })
  })

  it('takes as long for an account that does not exist', async () => {
    const measured = async (wish: () => object) => {
      const started = performance.now()
      await login(wish())
      return performance.now() - started
    }
    const known = []
    const unknown = []
    for (let time = 0; time < 9; time += 1) {
      known.push(await measured(wrong))
      unknown.push(await measured(nobody))
    }
    const median = (values: number[]) => values.toSorted((a, b) => a - b)[4]!
    expect(median(unknown)).toBeGreaterThan(median(known) / 2)
  })

  it('takes the same characters however they were typed', async () => {
    await api.ask('PUT', '/user/password', { token, body: { currentPassword: password, password: 'Ångström is a unit' } })
    expect((await login({ email, password: 'A\u030angstro\u0308m is a unit' })).status).toBe(200)
  })

  it.each([
    ['no address', { password }, 'email'],
    ['words', { email: 'ada', password }, 'email'],
    ['no password', { email: 'ada@example.com' }, 'password'],
    ['more', { email: 'ada@example.com', password, remember: true }, 'remember'],
  ])('names the field at fault: %s', async (_, body, field) => {
    expect((await login(body)).body).toMatchObject({ status: 422, errors: [{ field }] })
  })
})

describe('attempts', () => {
  /** How many of them are answered before one is refused; more where time has gone by meanwhile. */
  async function untilRefused(wish: () => object, options: { from?: string; headers?: Record<string, string> } = {}) {
    for (let answered = 0; answered < 60; answered += 1) {
      const { status, body, headers } = await login(wish(), options)
      if (status === 429) return { answered, body, retryAfter: Number(headers.get('retry-after')) }
      expect(status).toBe(401)
    }
    throw new Error('nothing was refused')
  }

  it('of one account are limited wherever they come from, also where there is none, and say when to come back', async () => {
    for (const wish of [wrong(), nobody()]) {
      const { answered, body, retryAfter } = await untilRefused(() => wish)
      expect(body).toMatchObject({ code: 'too_many_attempts', detail: `There were too many attempts: try again in ${retryAfter} s.` })
      expect([answered >= 10, answered < 20, retryAfter > 0, retryAfter <= 60]).toEqual([true, true, true, true])
      expect((await login({ ...wish, password })).status).toBe(429)
    }
  })

  it('of one address are limited whoever is meant, and others go on', async () => {
    const from = freeAddress()
    expect((await untilRefused(nobody, { from })).answered).toBeGreaterThanOrEqual(30)
    expect((await login({ email, password })).status).toBe(200)
  })

  it('at once are counted one by one', async () => {
    const answers = await Promise.all(Array.from({ length: 25 }, () => login(wrong())))
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(10)
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(15)
  })

  it('are forgotten of an account that was let in', async () => {
    for (let time = 0; time < 9; time += 1) await login(wrong())
    expect((await login({ email, password })).status).toBe(200)
    for (let time = 0; time < 9; time += 1) expect((await login(wrong())).status).toBe(401)
  })

  it('are counted by what a trusted proxy says, and by nobody else’s words', async () => {
    const [address, liar] = [freeAddress(), freeAddress()]
    const said = { headers: { 'x-forwarded-for': `${freeAddress()}, ${address}` } }
    expect((await untilRefused(nobody, { from: proxy, ...said })).answered).toBeGreaterThanOrEqual(30)
    expect((await login(nobody(), { from: proxy, headers: { 'x-forwarded-for': freeAddress() } })).status).toBe(401)
    await untilRefused(nobody, { from: liar, headers: { 'x-forwarded-for': freeAddress() } })
  })

  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::6', '2001:db8:1:2::/64'],
    ['::1', '::/64'],
    ['fe80::1%eth0', 'fe80::/64'],
    ['203.0.113.7:4711', 'unknown'],
    ['somebody', 'unknown'],
  ])('from %s count for %s', (address, network) => expect(networkOf(address)).toBe(network))

  it('leave no address of a person behind', async () => {
    const wish = nobody()
    await login(wish)
    expect(JSON.stringify(await api.database.sql`select key from rate_limits`)).not.toContain(wish.email)
  })
})

describe('a password', () => {
  const change = (body: object, of = token) => api.ask('PUT', '/user/password', { token: of, body })
  const other = 'another good password'

  it('is changed by who knows it; other sessions end, tokens stay', async () => {
    const [mine, elsewhere] = [(await login({ email, password })).body.token, (await login({ email, password })).body.token]
    expect((await change({ currentPassword: password, password: other }, mine)).status).toBe(200)
    const statuses = []
    for (const of of [mine, elsewhere, token]) statuses.push((await api.ask('GET', '/user', { token: of })).status)
    expect(statuses).toEqual([200, 401, 200])
    expect([(await login({ email, password })).status, (await login({ email, password: other })).status]).toEqual([401, 200])
  })

  it('is not changed without the present one, however often that is tried', async () => {
    for (const wish of [{ password: other }, { currentPassword: 'wrong', password: other }]) {
      expect((await change(wish)).body).toMatchObject({ status: 422, code: 'wrong_password', errors: [{ field: 'currentPassword' }] })
    }
    for (let time = 0; time < 8; time += 1) await change({ currentPassword: 'wrong', password: other })
    expect((await change({ currentPassword: password, password: other })).status).toBe(429)
  })

  it.each([['short', 'elevenchars'], ['long', 'x'.repeat(201)]])('that is too %s is refused', async (_, chosen) => {
    expect((await change({ currentPassword: password, password: chosen })).body).toMatchObject({ status: 422, errors: [{ field: 'password' }] })
  })

  it('is kept as argon2id, and nowhere else', async () => {
    const [stored] = await api.database.sql`select password_hash as hash from users where email = ${email}`
    expect(stored!.hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    const everything = JSON.stringify(await api.database.sql`select to_jsonb(u) as row from users u union all select to_jsonb(a) from audit_events a`)
    expect(everything + api.logged()).not.toContain(password)
  })
})

describe('who has lost his password', () => {
  const recover = (of: string) =>
    promisify(execFile)(process.execPath, ['--import', 'tsx', 'stack/recover.ts', of], { env: { PATH: process.env.PATH, DATABASE_URL: api.database.url } })

  it('gets a token from who runs Keystone, to set another', async () => {
    const { stdout } = await recover(email.toUpperCase())
    const given = /ks_\w+/.exec(stdout)![0]
    expect((await login({ email, password })).status).toBe(401)
    expect((await api.ask('PUT', '/user/password', { token: given, body: { password: 'another good password' } })).status).toBe(200)
    expect((await login({ email, password: 'another good password' })).status).toBe(200)
    const events = await api.ask<{ items: { action: string }[] }>('GET', '/user/audit-events?action=user.recovered', { token: given })
    expect(events.body.items).toHaveLength(1)
  })

  it('is nobody whom Keystone does not know', async () => {
    await expect(recover('nobody@example.com')).rejects.toThrow('there is no user nobody@example.com')
  })
})

describe('a user', () => {
  it('changes his name and address, and logs in by that', async () => {
    const address = `${freeName('ada')}@example.com`
    const changed = await api.ask('PATCH', '/user', { token, body: { email: address, name: 'Ada' } })
    expect(changed).toMatchObject({ status: 200, body: { email: address, name: 'Ada' } })
    expect((await login({ email: address, password })).status).toBe(200)
    expect((await api.ask('PATCH', '/user', { token, body: { email: 'OWNER@localhost' } })).body).toMatchObject({ status: 409, errors: [{ field: 'email' }] })
    expect((await api.ask('PATCH', '/user', { token, body: {} })).status).toBe(422)
  })

  it('logs out of this session and of no other', async () => {
    const [one, other] = [(await login({ email, password })).body.token, (await login({ email, password })).body.token]
    expect((await api.ask('POST', '/user/logout', { token: one })).status).toBe(200)
    expect([(await api.ask('GET', '/user', { token: one })).status, (await api.ask('GET', '/user', { token: other })).status]).toEqual([401, 200])
  })
})
