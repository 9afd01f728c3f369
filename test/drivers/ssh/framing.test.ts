import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createFrameReader, newBoundary } from '../../../drivers/ssh/framing.ts'

const boundary = newBoundary()
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 80 }),
  fc.nat(boundary.length - 1).map((length) => Buffer.from(boundary.slice(0, length), 'latin1')),
)
/** Beginnings of the boundary are likely in it, the whole of it is what no output holds. */
const body = fc.array(bytes, { maxLength: 6 }).map((parts) => Buffer.concat(parts)).filter((whole) => !whole.includes(boundary, 0, 'latin1'))

describe('a frame', () => {
  it('is read the same however it is cut, with any bytes in its parts', () => {
    fc.assert(fc.property(body, body, body, fc.array(fc.nat(), { maxLength: 10 }), (preamble, content, ending, cuts) => {
      const [opening, closing] = [Buffer.from(`${boundary}1 0\n`, 'latin1'), Buffer.from(boundary, 'latin1')]
      const raw = Buffer.concat([preamble, opening, content, closing, ending, Buffer.from('\n')])
      const places = [0, ...cuts.map((cut) => cut % raw.length).sort((a, b) => a - b), raw.length]
      const frame = createFrameReader(boundary)
      const read = Buffer.concat(places.slice(1).map((end, index) => frame.push(raw.subarray(places[index], end))))
      expect(read).toEqual(content)
      expect(frame.preamble()).toEqual(preamble)
      expect(frame.header()).toBe('1 0')
      expect(frame.ending()).toEqual(Buffer.concat([ending, Buffer.from('\n')]))
    }))
  })

  it('hands out body bytes at once', () => {
    const frame = createFrameReader(boundary)
    expect(frame.push(Buffer.from(`${boundary}1 0\nhello`, 'latin1')).toString()).toBe('hello')
  })

  it('has no header while that is incomplete', () => {
    const frame = createFrameReader(boundary)
    frame.push(Buffer.from(`noise${boundary}1 `, 'latin1'))
    expect(frame.header()).toBeNull()
  })
})
