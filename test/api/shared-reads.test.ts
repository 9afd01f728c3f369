import { describe, expect, it } from 'vitest'
import { createSharedReads } from '../../api/shared-reads.ts'

const room = { mostBytes: 100, mostAtOnce: 2 }

/** Counts its calls; each of them is answered when the test says so. */
function source({ isLasting = false, size = 10 } = {}) {
  const waiting: { resolve: () => void; reject: (error: Error) => void }[] = []
  let calls = 0
  return {
    calls: () => calls,
    load: () => {
      calls += 1
      const call = calls
      return new Promise<{ bytes: Uint8Array; isLasting: boolean; call: number }>((resolve, reject) =>
        waiting.push({ resolve: () => resolve({ bytes: new Uint8Array(size), isLasting, call }), reject }),
      )
    },
    async answer() {
      await expect.poll(() => waiting.length).toBeGreaterThan(0)
      waiting.shift()!.resolve()
    },
    async fail(error: Error) {
      await expect.poll(() => waiting.length).toBeGreaterThan(0)
      waiting.shift()!.reject(error)
    },
  }
}

describe('who asks for the same', () => {
  it('shares a read that began when he had heard of the change, or later', async () => {
    const { load, answer, calls } = source()
    const reads = createSharedReads<Awaited<ReturnType<typeof load>>>(room)
    const since = performance.now()
    const both = [reads.read('a', since, load), reads.read('a', since, load)]
    await answer()
    expect((await Promise.all(both)).map(({ call }) => call)).toEqual([1, 1])
    expect((await reads.read('a', since, load)).call).toBe(1)
    expect(calls()).toBe(1)
  })

  it('is not told what was read before', async () => {
    const { load, answer } = source()
    const reads = createSharedReads<Awaited<ReturnType<typeof load>>>(room)
    const first = reads.read('a', performance.now(), load)
    const second = reads.read('a', performance.now() + 1, load)
    await answer()
    await answer()
    expect([(await first).call, (await second).call]).toEqual([1, 2])
  })

  it('is told what lasts, whenever it was read', async () => {
    const { load, answer, calls } = source({ isLasting: true })
    const reads = createSharedReads<Awaited<ReturnType<typeof load>>>(room)
    const first = reads.read('a', 0, load)
    await answer()
    await first
    expect((await reads.read('a', Infinity, load)).call).toBe(1)
    expect(calls()).toBe(1)
  })

  it('reads it himself where another one failed', async () => {
    const { load, answer, fail } = source()
    const reads = createSharedReads<Awaited<ReturnType<typeof load>>>(room)
    const first = reads.read('a', performance.now(), load)
    const second = reads.read('a', performance.now() + 1, load)
    const refused = expect(first).rejects.toThrow('gone')
    await fail(new Error('gone'))
    await refused
    await answer()
    expect((await second).call).toBe(2)
  })
})

it('keeps no more than has room', async () => {
  const { load, answer, calls } = source({ isLasting: true, size: 60 })
  const reads = createSharedReads<Awaited<ReturnType<typeof load>>>(room)
  for (const key of ['a', 'b', 'a']) {
    const read = reads.read(key, 0, load)
    await answer()
    await read
  }
  expect(calls()).toBe(3)
})

it('reads no more at once than it may', async () => {
  const { load, answer, calls } = source()
  const reads = createSharedReads<Awaited<ReturnType<typeof load>>>(room)
  const all = ['a', 'b', 'c'].map((key) => reads.read(key, 0, load))
  await expect.poll(calls).toBe(2)
  await answer()
  await expect.poll(calls).toBe(3)
  await answer()
  await answer()
  await Promise.all(all)
})
