import { afterAll, expect, test } from 'vitest'
import { prepareSchedules } from '../../../drivers/temporal/schedules.ts'
import { createTestTemporal } from '../../temporal.ts'

const { client, close } = await createTestTemporal()
afterAll(close)

const lookup = () => client.schedule.getHandle('keystone-update-lookup')

test('updates are looked up four times a day, also where several workers begin at once', async () => {
  await Promise.all([1, 2, 3].map(() => prepareSchedules(client)))
  const { spec, action, policies, state } = await lookup().describe()
  expect(spec.intervals).toMatchObject([{ every: 6 * 3600 * 1000 }])
  expect(action).toMatchObject({ workflowType: 'update_lookup', taskQueue: 'keystone' })
  expect([policies.overlap, state.paused]).toEqual(['SKIP', false])
})

test('a schedule that somebody has paused stays paused, and one that is otherwise is what it is meant to be again', async () => {
  await prepareSchedules(client)
  await lookup().update((present) => ({ ...present, spec: { intervals: [{ every: '1 minute' }] }, state: { paused: true, note: 'not now' } }))
  await prepareSchedules(client)
  const { spec, state } = await lookup().describe()
  expect(spec.intervals).toMatchObject([{ every: 6 * 3600 * 1000 }])
  expect(state).toMatchObject({ paused: true, note: 'not now' })
})

test('servers are looked at every five minutes, and not again while that goes on', async () => {
  await prepareSchedules(client)
  const { spec, action, policies } = await client.schedule.getHandle('keystone-server-watch').describe()
  expect(spec.intervals).toMatchObject([{ every: 5 * 60 * 1000 }])
  expect(action).toMatchObject({ workflowType: 'server_watch' })
  expect([policies.overlap, policies.catchupWindow]).toEqual(['SKIP', 60_000])
})

test('servers are tidied up once a day, and later that day where nobody was there to do it', async () => {
  await prepareSchedules(client)
  const { spec, action, policies } = await client.schedule.getHandle('keystone-server-tidy').describe()
  expect(spec.intervals).toMatchObject([{ every: 24 * 3600 * 1000 }])
  expect(action).toMatchObject({ workflowType: 'server_tidy' })
  expect([policies.overlap, policies.catchupWindow]).toEqual(['SKIP', 12 * 3600 * 1000])
})
