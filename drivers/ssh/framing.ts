import { randomBytes } from 'node:crypto'

/** A mark that ordinary output does not hold: a record separator and 128 random bits, told to the server over stdin only. */
export function newBoundary(): string {
  return `\x1e${randomBytes(16).toString('hex')}`
}

/** A stream of: preamble, boundary, header line, body, boundary, ending. The last two may be missing. */
interface FrameReader {
  /** Takes the next bytes and answers with those of the body among them. */
  push(bytes: Buffer): Buffer
  preamble(): Buffer
  /** Null until it has come whole. */
  header(): string | null
  ending(): Buffer
}

export function createFrameReader(boundary: string): FrameReader {
  const cut = createCutter(boundary)
  let [preamble, body, ending] = [Buffer.alloc(0), Buffer.alloc(0), Buffer.alloc(0)]
  let header: string | null = null
  const takeHeader = () => {
    const end = body.indexOf('\n')
    if (end === -1) return
    header = body.toString('latin1', 0, end)
    body = body.subarray(end + 1)
  }
  return {
    preamble: () => preamble,
    header: () => header,
    ending: () => ending,
    push(bytes) {
      for (const section of cut(bytes)) {
        if (section.index === 0) preamble = Buffer.concat([preamble, section.bytes])
        else if (section.index === 1) body = Buffer.concat([body, section.bytes])
        else ending = Buffer.concat([ending, section.bytes])
      }
      if (header === null) takeHeader()
      if (header === null) return Buffer.alloc(0)
      const fresh = body
      body = Buffer.alloc(0)
      return fresh
    },
  }
}

interface Section {
  /** How many boundaries came before these bytes. */
  index: number
  bytes: Buffer
}

/** Cuts a stream at its boundaries; only bytes that may be the beginning of one are held back until more come. */
function createCutter(boundary: string): (bytes: Buffer) => Section[] {
  const mark = Buffer.from(boundary, 'latin1')
  let held = Buffer.alloc(0)
  let index = 0
  return (bytes) => {
    const sections: Section[] = []
    let rest = Buffer.concat([held, bytes])
    for (let at = rest.indexOf(mark); at !== -1; at = rest.indexOf(mark)) {
      sections.push({ index, bytes: rest.subarray(0, at) })
      rest = rest.subarray(at + mark.length)
      index += 1
    }
    const kept = rest.length - beginningAtEnd(rest, mark)
    held = rest.subarray(kept)
    return [...sections, { index, bytes: rest.subarray(0, kept) }]
  }
}

/** The length of the longest end of `bytes` with which the mark begins. */
function beginningAtEnd(bytes: Buffer, mark: Buffer): number {
  for (let length = Math.min(bytes.length, mark.length - 1); length > 0; length -= 1) {
    if (bytes.subarray(bytes.length - length).equals(mark.subarray(0, length))) return length
  }
  return 0
}
