import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Role, roles } from '../../domain/access.ts'
import { freeName } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

let api: TestApi
/** An organisation of its own for each test, so that its owners can be counted. */
let root: string
let owner: Someone

interface Someone {
  id: string
  email: string
  token: string
}

interface Invited {
  id: string
  token: string | null
  expiresAt: string
}

beforeAll(async () => {
  api = await createTestApi()
})
beforeEach(async () => {
  const token = await api.tokenOf('viewer')
  owner = await someone(token)
  root = `/organisations/${(await api.ask<{ id: string }>('POST', '/organisations', { token, body: { name: freeName('team') } })).body.id}`
})
afterAll(() => api.close())

const password = 'correct horse battery staple'
const freeEmail = () => `${freeName('ada')}@example.com`

async function someone(token: string): Promise<Someone> {
  const { body } = await api.ask<{ user: { id: string; email: string } }>('GET', '/user', { token })
  return { ...body.user, token }
}

const invite = (body: object, token = owner.token) => api.ask<Invited>('POST', `${root}/invitations`, { token, body: { role: 'viewer', email: freeEmail(), ...body } })
const register = (token: string | null) => api.ask<{ token: string }>('POST', '/registrations', { token: null, body: { token, name: 'Ada', password } })
const accept = (token: string | null, by: string) => api.ask('POST', '/user/memberships', { token: by, body: { token } })

/** A new user who was invited with this role. */
async function member(role: Role): Promise<Someone> {
  const { body } = await invite({ role })
  return someone((await register(body.token)).body.token)
}

const roleOf = async ({ email }: Someone) => {
  const { body } = await api.ask<{ items: { email: string; role: Role }[] }>('GET', `${root}/members`, { token: owner.token })
  return body.items.find((one) => one.email === email)?.role ?? null
}
const change = (of: Someone, role: Role, by: Someone) => api.ask('PATCH', `${root}/members/${of.id}`, { token: by.token, body: { role } })
const remove = (of: Someone, by: Someone) => api.ask('DELETE', `${root}/members/${of.id}`, { token: by.token })

async function audited(): Promise<string[]> {
  const { body } = await api.ask<{ items: { action: string; actor: { email: string } }[] }>('GET', `${root}/audit-events`, { token: owner.token })
  return body.items.map(({ action, actor }) => `${actor.email} ${action}`)
}

describe('an invitation', () => {
  it('makes somebody new a user with its address, who is logged in and has its role', async () => {
    const email = freeEmail()
    const { status, body } = await invite({ email, role: 'deployer' })
    expect([status, body.token]).toEqual([201, expect.stringMatching(/^ksi_[0-9A-Za-z]{46}$/)])
    const session = await register(body.token)
    expect(session).toMatchObject({ status: 201, body: { user: { email, name: 'Ada' } } })
    const token = session.body.token
    expect((await api.ask('GET', '/user', { token })).body).toMatchObject({ organisations: [{ role: 'deployer' }] })
    expect(await api.ask('POST', '/login', { token: null, body: { email, password } })).toMatchObject({ status: 200 })
    expect(await audited()).toEqual([`${email} invitation.accepted`, `${owner.email} invitation.created`, `${owner.email} organisation.created`])
  })

  it('makes a user who is there already a member of one more organisation', async () => {
    const user = await someone(await api.tokenOf('admin'))
    const { body } = await invite({ email: user.email, role: 'viewer' })
    expect(await register(body.token)).toMatchObject({ status: 409, body: { code: 'already_taken', errors: [{ field: 'email' }] } })
    expect(await accept(body.token, user.token)).toMatchObject({ status: 201, body: { role: 'viewer' } })
    const { body: who } = await api.ask<{ organisations: { role: Role }[] }>('GET', '/user', { token: user.token })
    expect(who.organisations.map(({ role }) => role).toSorted()).toEqual(['admin', 'viewer'])
    const again = await invite({ email: user.email })
    expect(await accept(again.body.token, user.token)).toMatchObject({ status: 409, body: { code: 'already_taken', errors: [{ field: 'userId' }] } })
  })

  it('opens once, however many try it at once', async () => {
    const { body } = await invite({})
    const answers = await Promise.all([1, 2, 3, 4].map(() => register(body.token)))
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 422, 422, 422])
  })

  it('opens nothing when it is revoked, expired, used or made up, and does not say which', async () => {
    const [revoked, expired, used] = [await invite({}), await invite({}), await invite({})]
    expect((await api.ask('DELETE', `${root}/invitations/${revoked.body.id}`, { token: owner.token })).status).toBe(200)
    await api.database.sql`update invitations set expires_at = now() where id = ${expired.body.id}`
    await register(used.body.token)
    const stranger = await api.tokenOf('viewer')
    for (const token of [revoked.body.token, expired.body.token, used.body.token, `ksi_${'a'.repeat(46)}`, stranger]) {
      for (const { body } of [await register(token), await accept(token, stranger)]) {
        expect(body).toMatchObject({ status: 422, code: 'invitation_invalid', errors: [{ field: 'token' }], detail: expect.stringContaining('opens no invitation') })
      }
    }
  })

  it('opens nothing into an organisation that is gone', async () => {
    const { body } = await invite({})
    await api.ask('DELETE', root, { token: owner.token })
    expect((await register(body.token)).body).toMatchObject({ code: 'invitation_invalid' })
  })

  it('is there once for an address, and again when its time has passed', async () => {
    const email = freeEmail()
    const { body } = await invite({ email })
    expect((await invite({ email: email.toUpperCase() })).body).toMatchObject({ status: 409, code: 'already_taken', errors: [{ field: 'email' }] })
    await api.database.sql`update invitations set expires_at = now() where id = ${body.id}`
    expect((await invite({ email })).status).toBe(201)
    const { body: list } = await api.ask<{ items: object[] }>('GET', `${root}/invitations`, { token: owner.token })
    expect(list.items).toMatchObject([{ email, role: 'viewer', invitedBy: owner.email }])
    expect(JSON.stringify(list)).not.toContain('ksi_')
  })

  it('gives nobody more than who invites has', async () => {
    const admin = await member('admin')
    for (const role of roles) expect((await invite({ role }, admin.token)).status, role).toBe(role === 'owner' ? 403 : 201)
    expect((await invite({ role: 'owner' }, admin.token)).body).toMatchObject({ code: 'role_exceeded' })
  })

  it('is made once by an Idempotency-Key, and its token is not kept for the second answer', async () => {
    const body = { email: freeEmail(), role: 'viewer' }
    const ask = () => api.ask<Invited>('POST', `${root}/invitations`, { token: owner.token, body, headers: { 'idempotency-key': 'guest' } })
    const [first, again] = [await ask(), await ask()]
    expect([again.body.id, again.body.token]).toEqual([first.body.id, null])
    expect(JSON.stringify(await api.database.sql`select body from idempotency_keys`)).not.toContain(first.body.token)
  })
})

describe('a member', () => {
  it('gets another role by an admin, and nobody one that is mightier than who gives it', async () => {
    const [admin, other, viewer] = [await member('admin'), await member('admin'), await member('viewer')]
    expect((await change(viewer, 'deployer', admin)).body).toMatchObject({ id: viewer.id, role: 'deployer' })
    expect(await roleOf(viewer)).toBe('deployer')
    expect((await change(admin, 'owner', admin)).body).toMatchObject({ status: 403, code: 'role_exceeded' })
    expect((await change(viewer, 'owner', admin)).body).toMatchObject({ status: 403, code: 'role_exceeded' })
    expect((await change(owner, 'viewer', admin)).body).toMatchObject({ status: 403, code: 'role_exceeded' })
    expect((await remove(owner, admin)).body).toMatchObject({ status: 403, code: 'role_exceeded' })
    expect((await change(other, 'viewer', admin)).status).toBe(200)
    expect((await change(viewer, 'viewer', viewer)).body).toMatchObject({ status: 403, code: 'role_required' })
    expect(await roleOf(owner)).toBe('owner')
  })

  it('who is removed has nothing here any more, also by the tokens he has, and comes back with none of them', async () => {
    const admin = await member('admin')
    const organisationId = root.split('/').at(-1)
    const { body: bound } = await api.ask<{ token: string }>('POST', '/user/tokens', { token: admin.token, body: { name: 'ci', organisationId } })
    expect((await api.ask('GET', root, { token: bound.token })).status).toBe(200)
    expect((await remove(admin, owner)).body).toEqual({ id: admin.id })
    expect([(await api.ask('GET', root, { token: admin.token })).status, (await api.ask('GET', root, { token: bound.token })).status]).toEqual([404, 401])
    const { body } = await invite({ role: 'viewer' })
    await accept(body.token, admin.token)
    expect([(await api.ask('GET', root, { token: admin.token })).status, (await api.ask('GET', root, { token: bound.token })).status]).toEqual([200, 401])
    expect((await remove({ ...admin, id: '01900000-0000-7000-8000-000000000000' }, owner)).body).toMatchObject({ status: 404, code: 'member_not_found' })
  })

  it('who is the last owner stays, whoever wishes otherwise', async () => {
    const left = () => api.ask('DELETE', root.replace('/organisations', '/user/memberships'), { token: owner.token })
    for (const { body } of [await change(owner, 'admin', owner), await remove(owner, owner), await left()]) {
      expect(body).toMatchObject({ status: 409, code: 'last_owner', detail: expect.stringContaining('Make somebody else an owner first') })
    }
    await member('owner')
    expect((await left()).status).toBe(200)
    expect((await api.ask('GET', root, { token: owner.token })).status).toBe(404)
  })

  it('is one of two owners who remove each other at once: one stays', async () => {
    const other = await member('owner')
    const answers = await Promise.all([change(other, 'viewer', owner), change(owner, 'viewer', other)])
    const [done, refused] = answers.map(({ status }) => status).toSorted((a, b) => a - b)
    expect(done).toBe(200)
    // Who comes second is the last owner, or none any more if he was that late.
    expect([403, 409]).toContain(refused)
    const [row] = await api.database.sql`select count(*)::int as owners from memberships where organisation_id = ${root.split('/').at(-1)!} and role = 'owner'`
    expect(row).toEqual({ owners: 1 })
  })

  it('is listed page by page', async () => {
    for (const role of roles) await member(role)
    const first = await api.ask<{ items: { id: string }[]; nextCursor: string }>('GET', `${root}/members?limit=3`, { token: owner.token })
    const second = await api.ask<{ items: { id: string }[]; nextCursor: null }>('GET', `${root}/members?limit=3&cursor=${first.body.nextCursor}`, { token: owner.token })
    expect(new Set([...first.body.items, ...second.body.items].map(({ id }) => id)).size).toBe(5)
    expect(second.body.nextCursor).toBeNull()
  })
})
