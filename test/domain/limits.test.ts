import { expect, test } from 'vitest'
import { limitsAt } from '../../domain/limits.ts'

const service = { defaultCpuLimit: 2, defaultMemoryLimitMb: 512 }

test('replicas have the limits of their service, where their place has none of its own', () => {
  expect(limitsAt({}, service)).toEqual({ cpuLimit: 2, memoryLimitMb: 512 })
  expect(limitsAt({ cpuLimit: 0.5 }, service)).toEqual({ cpuLimit: 0.5, memoryLimitMb: 512 })
})

test('a place may be without limits, though the service has some', () => {
  expect(limitsAt({ cpuLimit: null, memoryLimitMb: null }, service)).toEqual({ cpuLimit: null, memoryLimitMb: null })
  expect(limitsAt({}, { defaultCpuLimit: null, defaultMemoryLimitMb: null })).toEqual({ cpuLimit: null, memoryLimitMb: null })
})
