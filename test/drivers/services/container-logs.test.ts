import { describe, expect, it } from 'vitest'
import { containerLogs, createLogReader, sinceBehind } from '../../../drivers/services/container-logs.ts'

const [service, replica] = ['01a2b3c4-0000-7000-8000-000000000001', '01a2b3c4-0000-7000-8000-000000000002']
const at = '2026-01-01T00:00:01.000000000Z'
const told = (text: string, { more = '.', stream = 'o', scheduler = 'no' } = {}) => `${service} ${replica} ${scheduler} ${stream} ${more} ${text}\n`
const line = (text: string, overrides: object = {}) => ({ serviceId: service, replicaId: replica, isScheduler: false, stream: 'out', at, text, ...overrides })

describe('logs of containers', () => {
  it('are asked for by variables, and never as part of the script', () => {
    const wish = { environmentId: 'e', serviceId: '$(s)', replicaId: null, tail: 5, since: null, isFollowed: true }
    const argv = containerLogs(wish)
    expect(argv.slice(0, 9)).toEqual(['env', 'ENVIRONMENT=e', 'SERVICE=$(s)', 'REPLICA=', 'TAIL=5', 'SINCE=', 'FOLLOW=yes', 'bash', '-c'])
    expect(argv[9]).not.toContain('$(s)')
  })

  it('are read however their bytes are cut', () => {
    const all = Buffer.from(told(`${at} grün`) + told(`${at} oops\r`, { stream: 'e', scheduler: 'yes' }) + told(at) + 'ready\n')
    const reader = createLogReader()
    const answers = [...all].map((_, index) => reader.push(all.subarray(index, index + 1)))
    expect(answers.flatMap(({ lines }) => lines)).toEqual([line('grün'), line('oops', { stream: 'err', isScheduler: true }), line('')])
    expect(answers.map(({ isReady }) => isReady).lastIndexOf(true)).toBe(all.length - 1)
  })

  it('are put together where a line came in parts, one part of several containers after the other', () => {
    const parts = [told(`${at} one `, { more: '+' }), told(`${at} oops`, { stream: 'e', more: '+' }), told('and a half'), told('!', { stream: 'e' })]
    expect(createLogReader().push(Buffer.from(parts.join(''))).lines).toEqual([line('one and a half'), line('oops!', { stream: 'err' })])
  })

  it('hold no line in memory for ever', () => {
    const reader = createLogReader()
    const part = Buffer.from(told('x'.repeat(3000), { more: '+' }))
    reader.push(Buffer.from(told(`${at} `, { more: '+' })))
    const lines = Array.from({ length: 30 }, () => reader.push(part).lines).flat()
    expect(lines).toEqual([line('x'.repeat(66_000))])
  })

  it('have no lines of Docker itself', () => {
    expect(createLogReader().push(Buffer.from(told('Error response from daemon: No such container: a', { stream: 'e' }))).lines).toEqual([])
  })
})

it.each([
  ['2026-01-01T00:00:01.000000009Z', '2026-01-01T00:00:01.000000010Z'],
  ['2026-01-01T00:00:01Z', '2026-01-01T00:00:01.000000001Z'],
  ['2026-01-01T00:00:01.999999999Z', '2026-01-01T00:00:01.999999999Z'],
])('what comes behind %s begins at %s', (moment, since) => {
  expect(sinceBehind(moment)).toBe(since)
})
