import { expect, test } from 'vitest'
import { interruptionBy, type Interrupted } from '../../domain/interruptions.ts'

const own = (role: Interrupted['role']): Interrupted => ({ name: 'web', category: 'application', role, isOfEnvironment: true })
const alone = (category: Interrupted['category']): Interrupted => ({ name: 'db', category, role: 'server', isOfEnvironment: false })

test('nobody notices that a service of an environment is restarted', () => {
  for (const role of ['web', 'worker', 'websocket'] as const) expect(interruptionBy('restart', own(role))).toBeNull()
})

test.each([
  ['web', /answers 503/],
  ['worker', /^Jobs wait in their queue/],
  ['websocket', /^Websockets to web are closed/],
] as const)('what a %s leaves undone while it is stopped is said', (role, message) => {
  expect(interruptionBy('stop', own(role))).toMatch(message)
})

test.each([
  ['database', /requests and jobs that need it fail/],
  ['cache', /requests and jobs that need it fail/],
  ['gateway', /none of its domains is answered/],
  ['builder', /deployments that build there fail/],
] as const)('a %s of which there is one is away, and that is said', (category, message) => {
  expect(interruptionBy('stop', alone(category))).toMatch(message)
  expect(interruptionBy('restart', alone(category))).toMatch(message)
})
