import { describe, expect, it } from 'vitest'
import { failuresIn, wrongMinutes } from './noticed.ts'
import { createTally } from './tally.ts'

describe('wrongMinutes', () => {
  const at = (time: string) => Date.parse(`2026-01-01T${time}Z`)
  const ticks = (...times: string[]) => times.map((time) => ({ minute: `2026-01-01 ${time}:00` }))
  const span = { from: at('12:01:30'), to: at('12:04:20') }

  it('finds none where each minute has its tick', () => {
    expect(wrongMinutes(ticks('12:00', '12:01', '12:02', '12:03'), span)).toEqual([])
  })

  it('names a lost one and a double one', () => {
    expect(wrongMinutes(ticks('12:01', '12:03', '12:03'), span)).toEqual([
      'the minute 2026-01-01T12:02:00.000Z was ticked 0 times',
      'the minute 2026-01-01T12:03:00.000Z was ticked 2 times',
    ])
  })

  it('asks for no minute that is not over, nor for one before the first tick of all', () => {
    expect(wrongMinutes(ticks('12:02', '12:03'), span)).toEqual([])
    expect(wrongMinutes(ticks('12:02', '12:03'), { ...span, to: at('12:05:00') })).toHaveLength(1)
  })

  it('misses every minute where nothing ever ticked', () => {
    expect(wrongMinutes([], span)).toEqual(['nothing ever ticked'])
    expect(wrongMinutes([], { from: at('12:01:30'), to: at('12:02:59') })).toEqual([])
  })
})

describe('failuresIn', () => {
  const asked = ['GET /', 'GET /page', 'GET asset', 'POST /visit', 'GET /slow', 'GET /download']

  function tallyOf(kinds: readonly string[]) {
    const tally = createTally('start')
    for (const kind of kinds) tally.succeeded({ window: 'start', kind }, 1)
    return tally
  }

  it('finds none where everything was asked for and answered', () => {
    expect(failuresIn(tallyOf(asked).report())).toEqual([])
  })

  it('names what failed, and what was never asked for', () => {
    const tally = tallyOf(asked.slice(1))
    const failure = { request: 'GET /a', connection: 'fresh', what: 'status 404', version: null } as const
    tally.failed({ window: 'start', kind: 'GET asset' }, failure)
    expect(failuresIn(tally.report(), ['websocket'])).toEqual([
      '1 of 6 failed',
      expect.stringContaining('| start | fresh | GET /a | status 404 |'),
      'GET / was never asked for',
      'websocket was never asked for',
    ])
  })
})
