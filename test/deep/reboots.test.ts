import { expect, it } from 'vitest'
import { openServer, openTestLab, testPool } from '../drivers/lab.ts'
import { stepsThroughReboots } from '../drivers/ssh/reboots.ts'

it('steps go on over forty reboots, wherever their launch was cut off', async () => {
  const lab = await openTestLab('reboots')
  const pool = testPool()
  const { ended, wrong } = await stepsThroughReboots({ server: await openServer(lab), pool, rounds: 40 })
  console.log(`${ended} steps ended`)
  await pool.close()
  await lab.down()
  expect(wrong).toEqual([])
  expect(ended).toBeGreaterThanOrEqual(8)
})
