import { describe, expect, test } from 'vitest'
import { applicationRefusal, isOfServer, leftBehind, organisationRefusal, removalRefusal, type ServiceUses } from '../../domain/removals.ts'

const nobody: ServiceUses = { attached: [], routes: [], builtFor: [], isPrimary: false, isScheduled: false }
const refusal = (uses: Partial<ServiceUses>) => removalRefusal('db', { ...nobody, ...uses })

describe('a service', () => {
  test('that nobody needs is removed', () => {
    expect(refusal({})).toBeNull()
  })

  test.each([
    [{ attached: [{ environment: 'production of shop', slice: 'shop' }, { environment: 'dev of blog', slice: 'blog' }] }, 'service_in_use', 'Environments use slices of db: blog (dev of blog), shop (production of shop).'],
    [{ routes: [{ environment: 'production of shop', domain: 'shop.test' }] }, 'service_in_use', 'db routes shop.test (production of shop).'],
    [{ builtFor: ['production of shop'] }, 'service_in_use', 'db builds the images of production of shop.'],
    [{ isPrimary: true, isScheduled: true }, 'primary_service', 'db is the web service that its environment consists of.'],
    [{ isScheduled: true }, 'scheduler_target', 'The scheduler of its environment runs on db.'],
  ])('that is needed (%j) is not, and names who needs it', (uses, code, message) => {
    expect(refusal(uses)).toMatchObject({ code, message, hint: expect.stringMatching(/\.$/) })
  })

  test('is named once by whoever uses it twice', () => {
    const use = { environment: 'production of shop', slice: 'shop' }
    expect(refusal({ attached: [use, use] })?.message).toBe('Environments use slices of db: shop (production of shop).')
  })
})

test('what is left on a server that did not answer is named, with what it is known by there', () => {
  const left = { server: 's2', containers: ['web-2', 'web-1'], hasGateway: true, origin: 'production of shop', label: 'keystone.environment=1' }
  const warning = leftBehind(left)
  expect(warning).toEqual({
    code: 'left_behind',
    message: 's2 did not answer, and nothing of production of shop was removed there. web-1, web-2 may still run there. Its gateway may still have the routes.',
    hint: expect.stringContaining('keystone.environment=1'),
  })
  expect(leftBehind({ ...left, containers: [], hasGateway: false }).message).toBe('s2 did not answer, and nothing of production of shop was removed there.')
  expect([isOfServer(warning, 's2'), isOfServer(warning, 's'), isOfServer('s2 did not answer, it seems', 's2')]).toEqual([true, false, false])
})

test('an application is deleted when it has no environment', () => {
  expect(applicationRefusal('shop', [])).toBeNull()
  expect(applicationRefusal('shop', ['production', 'dev'])).toMatchObject({ code: 'application_in_use', message: 'shop has environments: dev, production.' })
})

test('an organisation is deleted when it has nothing, and nothing goes on in it', () => {
  const nothing = { applications: [], services: [], servers: [], providers: [], operations: [] }
  expect(organisationRefusal('acme', nothing)).toBeNull()
  expect(organisationRefusal('acme', { ...nothing, servers: ['one'], services: ['db'] })?.message).toBe('acme has services: db.')
  expect(organisationRefusal('acme', { ...nothing, providers: ['hetzner'] })?.message).toBe('acme has providers: hetzner.')
  expect(organisationRefusal('acme', { ...nothing, operations: ['remove db'] })?.message).toBe('acme has operations that have not ended: remove db.')
})
