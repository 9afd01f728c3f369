import { describe, expect, it } from 'vitest'
import { serverHealth } from '../../domain/health.ts'
import type { Measures } from '../../domain/observations.ts'

const now = new Date(Date.UTC(2026, 0, 1))
const well: Measures = { diskFreeMb: 9000, diskTotalMb: 20_000, memoryAvailableMb: 3000, memoryTotalMb: 4000, load: 0.5, cpus: 2, uptimeSeconds: 9, clockAheadMs: 0, docker: '28.0.1' }
const latest = (measures: Partial<Measures> = {}) => ({ observedAt: now, isReachable: true, failure: null, measures: { ...well, ...measures } })
const health = (measures: Partial<Measures>, differences = 0) => serverHealth({ name: 's1', latest: latest(measures), differences, now })

describe('a server', () => {
  it('is healthy where nothing speaks against it', () => {
    expect(health({})).toEqual({ status: 'healthy', reasons: [] })
  })

  it.each<[Partial<Measures>, string, string]>([
    [{ docker: null }, 'docker_silent', 'Docker on s1 does not answer.'],
    [{ diskFreeMb: 1500 }, 'disk_nearly_full', 'Only 1500 of 20000 MB of the disk of s1 are left.'],
    [{ memoryAvailableMb: 199 }, 'memory_nearly_full', 'Only 199 of 4000 MB of the memory of s1 are available.'],
    [{ load: 8.1 }, 'overloaded', 'The load of s1 is 8.1 on 2 CPUs.'],
    [{ clockAheadMs: -61_000 }, 'clock_wrong', "The clock of s1 is 61 s behind Keystone's."],
    [{ clockAheadMs: 10_001 }, 'clock_wrong', "The clock of s1 is 10 s ahead of Keystone's."],
  ])('is degraded by %j', (measures, code, message) => {
    expect(health(measures)).toEqual({ status: 'degraded', reasons: [{ code, message, hint: expect.stringMatching(/./) }] })
  })

  it('is degraded by all reasons at once', () => {
    const { status, reasons } = health({ docker: null, diskFreeMb: 0, load: 100 }, 3)
    expect([status, reasons.map(({ code }) => code)]).toEqual(['degraded', ['docker_silent', 'disk_nearly_full', 'overloaded', 'drift']])
  })

  it('is at the edge of each limit still healthy', () => {
    expect(health({ diskFreeMb: 3072, memoryAvailableMb: 200, load: 8, clockAheadMs: 10_000 })).toMatchObject({ status: 'healthy' })
  })

  it('is unknown where the newest look is old', () => {
    const later = new Date(now.getTime() + 15 * 60_000 + 1)
    expect(serverHealth({ name: 's1', latest: latest(), differences: 0, now: later })).toMatchObject({ status: 'unknown', reasons: [{ code: 'not_looked_at' }] })
  })
})
