import fc from 'fast-check'
import { expect, it } from 'vitest'
import { readCursor, writeCursor } from '../../domain/log-cursor.ts'

const number = fc.nat({ max: 999_999_999 })
const stream = fc.record({ run: number, stream: fc.constantFrom('out' as const, 'err' as const), next: number })
const cursor = fc.record({ after: number, open: fc.array(fc.record({ stepId: fc.uuid(), streams: fc.array(stream) })) })

it('reads back what it wrote, as one word that fits into a header and a query', () => {
  fc.assert(
    fc.property(cursor, (written) => {
      const word = writeCursor(written)
      expect(readCursor(word)).toEqual(written)
      expect(word).toMatch(/^[\w:-]+$/)
    }),
  )
})

it.each(['', 'x', '-1', '1_', '1_abc', `1_${'0'.repeat(36)}`, '1 ', '1\n'])('reads nothing else: %j', (text) => {
  expect(readCursor(text)).toBeNull()
})
