import type { StepChunk, StepObserver, StepPosition } from '../../../drivers/ssh/remote.ts'

interface Observing {
  signal: AbortSignal
  before(): Promise<void>
}

/** Keeps a step's output as the database does: a chunk is stored where it continues what is stored, or starts another run. */
export function createStepLog() {
  const streams = { out: Buffer.alloc(0), err: Buffer.alloc(0) }
  let run = 0
  let largest = 0
  let arrived = () => {}
  const store = (chunk: StepChunk) => {
    if (chunk.run !== run) {
      run = chunk.run
      Object.assign(streams, { out: Buffer.alloc(0), err: Buffer.alloc(0) })
    }
    const stored = streams[chunk.stream]
    if (chunk.offset !== stored.length) throw new Error(`${chunk.stream} goes on at ${chunk.offset}, stored are ${stored.length}`)
    streams[chunk.stream] = Buffer.concat([stored, chunk.bytes])
    largest = Math.max(largest, chunk.bytes.length)
    arrived()
  }
  const stored = (): StepPosition | null => run === 0 ? null : { run, out: streams.out.length, err: streams.err.length }
  return {
    stored,
    out: () => streams.out.toString(),
    err: () => streams.err.toString(),
    bytes: () => streams.out,
    largestChunk: () => largest,
    /** `before` is awaited ahead of each chunk. */
    observer: ({ signal = new AbortController().signal, before = async () => {} }: Partial<Observing> = {}): StepObserver => ({
      stored: stored(),
      signal,
      onChunk: async (chunk) => {
        await before()
        store(chunk)
      },
    }),
    /** Resolves when the step has printed this text. */
    async until(text: string): Promise<void> {
      while (!streams.out.includes(text)) await new Promise<void>((resolve) => (arrived = resolve))
    },
  }
}
