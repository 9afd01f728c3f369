import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Push } from '../../../domain/pushes.ts'
import { Secret } from '../../../domain/secret.ts'
import { announced, delivered, isSignedWith, told } from '../../../drivers/sources/webhooks/delivery.ts'
import { WebhookError } from '../../../drivers/sources/webhooks/errors.ts'
import { giteaDelivery, giteaSecret, type RecordedDelivery } from './gitea-deliveries.ts'

const secret = new Secret(giteaSecret)
const none = '0'.repeat(40)
const [one, two, three] = ['1', '2', '3'].map((digit) => digit.repeat(40)) as [string, string, string]

const signature = (body: string | Buffer, key = giteaSecret) => createHmac('sha256', key).update(body).digest('hex')

/** As GitHub sends it. */
function github(event: string, payload: object, { contentType = 'application/json', key = giteaSecret } = {}): RecordedDelivery {
  const json = JSON.stringify(payload)
  const body = Buffer.from(contentType === 'application/json' ? json : new URLSearchParams({ payload: json }).toString())
  const headers = { 'content-type': contentType, 'x-github-event': event, 'x-github-delivery': 'd1', 'x-hub-signature-256': `sha256=${signature(body, key)}` }
  return { headers: new Headers(headers), body }
}

function generic(payload: object): RecordedDelivery {
  const body = Buffer.from(JSON.stringify(payload))
  const headers = { 'content-type': 'application/json', 'x-keystone-event': 'push', 'x-keystone-signature': `sha256=${signature(body)}` }
  return { headers: new Headers(headers), body }
}

function heard({ headers, body }: RecordedDelivery) {
  const heads = announced(headers)
  const content = delivered(heads, body)
  return { heads, content, isSigned: isSignedWith(secret, heads, content), told: told(heads, content) }
}

function pushed(delivery: RecordedDelivery): Push {
  const { told: found } = heard(delivery)
  if (!('push' in found)) throw new Error(found.ignored.code)
  return found.push
}

const ignoredOf = (delivery: RecordedDelivery) => {
  const { told: found } = heard(delivery)
  return 'ignored' in found ? [found.ignored.code, found.ref] : found
}

const codeOf = (act: () => unknown) => {
  try {
    act()
  } catch (error) {
    if (error instanceof WebhookError) return error.code
    throw error
  }
  return 'none'
}

const githubPush = (values: object = {}) => ({
  ...{ ref: 'refs/heads/main', before: one, after: two, forced: false, pusher: { name: 'ada' } },
  ...{ commits: [{ id: two, message: 'change', added: ['a.txt'], removed: [], modified: ['b/c.txt'] }], head_commit: { id: two, message: 'change' } },
  ...values,
})

describe('a delivery of Gitea', () => {
  it.each(['01', '02', '03', '05', '06', '08', '10', '17'])('%s is told from one of GitHub, whose headers it has too, and its signature holds', (number) => {
    const delivery = giteaDelivery(number)
    expect(delivery.headers.get('x-github-event')).not.toBeNull()
    const { heads, isSigned } = heard(delivery)
    expect([heads.form.provider, heads.deliveryId, isSigned]).toEqual(['gitea', delivery.headers.get('x-gitea-delivery'), true])
  })

  it('that pushes a new branch says so, and which files it has', () => {
    const push = pushed(giteaDelivery('02'))
    expect(push).toMatchObject({ ref: { kind: 'branch', name: 'main' }, before: null, message: 'first commit\n', pusher: 'labadmin' })
    expect(push.paths).toEqual({ named: ['Dockerfile'], areAll: true })
    expect(pushed(giteaDelivery('05')).ref).toEqual({ kind: 'branch', name: 'feature/login' })
  })

  it('whose messages have characters of every kind is read as it was signed', () => {
    const delivery = giteaDelivery('03')
    expect(JSON.stringify(JSON.parse(delivery.body.toString()))).toMatch(/\P{ASCII}/u)
    expect([heard(delivery).isSigned, pushed(delivery).message]).toEqual([true, 'third\n'])
  })

  it('with a tag names the commit, also where the tag is an object of its own', () => {
    const [light, annotated] = [pushed(giteaDelivery('08')), pushed(giteaDelivery('10'))]
    expect([light.ref, light.commit]).toEqual([{ kind: 'tag', name: 'v1.0.0' }, light.after])
    expect([annotated.ref, annotated.commit]).toEqual([{ kind: 'tag', name: 'v1.1.0' }, light.commit])
    expect(annotated.after).not.toBe(annotated.commit)
  })

  it('of sixty commits names five of them, and does not stand for all files', () => {
    expect(pushed(giteaDelivery('17')).paths.areAll).toBe(false)
  })

  it('of a deletion or a creation starts nothing', () => {
    expect(ignoredOf(giteaDelivery('06'))).toEqual(['ref_deleted', 'refs/heads/feature/login'])
    expect(ignoredOf(giteaDelivery('01'))).toEqual(['not_a_push', null])
  })

  it('without a secret, whose signature is empty, is refused', () => {
    const { headers, body } = giteaDelivery('02')
    for (const name of ['x-gitea-signature', 'x-hub-signature-256', 'x-hub-signature', 'x-gogs-signature']) headers.set(name, '')
    expect(codeOf(() => heard({ headers, body }))).toBe('signature_missing')
    headers.delete('x-gitea-signature')
    headers.set('x-hub-signature-256', `sha256=${signature(body)}`)
    expect(codeOf(() => heard({ headers, body }))).toBe('signature_missing')
  })

  it('in the form of a form is signed over what is in it, and is the same push as without', () => {
    const { headers, body } = giteaDelivery('02')
    const form = { headers: new Headers(headers), body: Buffer.from(new URLSearchParams({ payload: body.toString() }).toString()) }
    form.headers.set('content-type', 'application/x-www-form-urlencoded')
    expect(heard(form).isSigned).toBe(true)
    expect(heard(form).content.hash).toBe(heard({ headers, body }).content.hash)
  })

  it('that goes back to an earlier commit names none, and does not stand for all files', () => {
    const payload = { ref: 'refs/heads/main', before: two, after: one, commits: [], total_commits: 0, head_commit: { id: one, message: '' }, pusher: { login: 'ada' } }
    const body = Buffer.from(JSON.stringify(payload))
    const headers = new Headers({ 'content-type': 'application/json', 'x-gitea-event': 'push', 'x-gitea-signature': signature(body) })
    expect(pushed({ headers, body }).paths).toEqual({ named: [], areAll: false })
  })
})

describe('a delivery of GitHub', () => {
  it('is read with its files', () => {
    const { heads, isSigned } = heard(github('push', githubPush()))
    expect([heads.form.provider, heads.deliveryId, isSigned]).toEqual(['github', 'd1', true])
    expect(pushed(github('push', githubPush()))).toEqual({
      ...{ ref: { kind: 'branch', name: 'main' }, before: one, after: two, commit: two, message: 'change', pusher: 'ada' },
      paths: { named: ['a.txt', 'b/c.txt'], areAll: true },
    })
  })

  it('in the form of a form is signed whole', () => {
    expect(heard(github('push', githubPush(), { contentType: 'application/x-www-form-urlencoded' })).isSigned).toBe(true)
  })

  it('does not stand for all files where it may be cut, was forced, or names a commit without files', () => {
    const commits = (count: number) => Array.from({ length: count }, () => githubPush().commits[0])
    const areAll = (values: object) => pushed(github('push', githubPush(values))).paths.areAll
    expect([19, 20, 21, 2047, 2048].map((count) => areAll({ commits: commits(count) }))).toEqual([true, false, true, true, false])
    expect([areAll({ forced: true }), areAll({ commits: [] })]).toEqual([false, false])
    expect(areAll({ commits: [...commits(1), { id: three, message: 'merge', added: [], removed: [], modified: [] }] })).toBe(false)
  })

  it('that deletes, tests, or is no push starts nothing', () => {
    expect(ignoredOf(github('push', githubPush({ after: none, head_commit: null, deleted: true })))).toEqual(['ref_deleted', 'refs/heads/main'])
    expect(ignoredOf(github('push', githubPush({ after: one })))).toEqual(['nothing_moved', 'refs/heads/main'])
    expect(ignoredOf(github('push', githubPush({ ref: 'refs/notes/commits' })))).toEqual(['other_ref', 'refs/notes/commits'])
    expect(ignoredOf(github('delete', { ref: 'v1', ref_type: 'tag' }))).toEqual(['ref_deleted', 'refs/tags/v1'])
    expect(ignoredOf(github('ping', { zen: 'Keep it simple.' }))).toEqual(['ping', null])
    expect(ignoredOf(github('issues', {}))).toEqual(['not_a_push', null])
  })

  it('is refused with a signature of another secret, of the older kind, or of no kind', () => {
    expect(heard(github('push', githubPush(), { key: 'another' })).isSigned).toBe(false)
    const signedAs = (value: string) => {
      const { headers, body } = github('push', githubPush())
      headers.set('x-hub-signature-256', value)
      return codeOf(() => heard({ headers, body }))
    }
    expect(['', 'sha256=', `sha1=${'a'.repeat(40)}`, 'a'.repeat(64), `sha256=${'g'.repeat(64)}`, `sha256=${'a'.repeat(64)}, sha256=${'a'.repeat(64)}`].map(signedAs)).toEqual([
      'signature_missing',
      ...Array.from({ length: 5 }, () => 'signature_invalid'),
    ])
  })
})

describe('a delivery of any other host', () => {
  it('says what it knows', () => {
    expect(pushed(generic({ ref: 'refs/heads/main', after: two }))).toEqual({
      ...{ ref: { kind: 'branch', name: 'main' }, before: null, after: two, commit: two, message: '', pusher: 'webhook' },
      paths: { named: [], areAll: false },
    })
    expect(pushed(generic({ ref: 'refs/heads/main', before: one, after: two, paths: ['a'] })).paths).toEqual({ named: ['a'], areAll: true })
  })

  it('is refused with what is wrong', () => {
    expect(() => heard(generic({ ref: 'refs/heads/main', after: 'HEAD' }))).toThrow('after must be a whole object id of git')
    expect(() => heard(generic({ ref: 'refs/heads/\0', after: two }))).toThrow('ref must not contain control characters')
    const { headers } = generic({})
    const body = Buffer.from('{')
    headers.set('x-keystone-signature', `sha256=${signature(body)}`)
    expect(codeOf(() => heard({ headers, body }))).toBe('unreadable_payload')
    headers.set('content-type', 'text/plain')
    expect(codeOf(() => heard({ headers, body }))).toBe('unsupported_content_type')
    expect(codeOf(() => heard({ headers: new Headers({ 'content-type': 'application/json' }), body }))).toBe('unknown_form')
  })
})

describe('whatever is sent', () => {
  it('holds its signature only as it was signed, with the very secret', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 200 })
    fc.assert(
      fc.property(bytes, fc.string({ minLength: 1 }), fc.nat(), (content, key, at) => {
        const body = Buffer.from(content)
        const headers = new Headers({ 'content-type': 'application/json', 'x-gitea-event': 'push', 'x-gitea-signature': signature(body, key) })
        const isSigned = (sent: Buffer, with_: string) => isSignedWith(new Secret(with_), announced(headers), delivered(announced(headers), sent))
        const changed = Buffer.from(body)
        changed[at % body.length]! ^= 1
        expect([isSigned(body, key), isSigned(changed, key), isSigned(body, `${key}.`)]).toEqual([true, false, false])
      }),
    )
  })

  it('is read, or refused by a WebhookError', () => {
    const event = fc.constantFrom('push', 'delete', 'ping', 'create')
    fc.assert(
      fc.property(event, fc.json(), fc.constantFrom('gitea', 'github', 'keystone'), (name, payload, host) => {
        const body = Buffer.from(payload)
        const header = host === 'github' ? 'x-hub-signature-256' : `x-${host}-signature`
        const headers = new Headers({ 'content-type': 'application/json', [`x-${host}-event`]: name, [header]: `${host === 'gitea' ? '' : 'sha256='}${signature(body)}` })
        expect(codeOf(() => heard({ headers, body }))).toMatch(/^(none|invalid_payload)$/)
      }),
    )
  })
})
