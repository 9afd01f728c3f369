import type { StepChunk, StepObserver, StepPosition } from '../../../drivers/ssh/remote.ts'

interface Observing {
  signal: AbortSignal
  before(): Promise<void>
}

const emptyStream = () => ({ chunks: new Array<Buffer>(), length: 0 })

/** Keeps a step's output as the database does: a chunk is stored where it continues what is stored, or starts another run. */
export function createStepLog() {
  let streams = { out: emptyStream(), err: emptyStream() }
  let run = 0
  let largest = 0
  let arrived = () => {}
  const store = (chunk: StepChunk) => {
    if (chunk.run !== run) {
      run = chunk.run
      streams = { out: emptyStream(), err: emptyStream() }
    }
    const stored = streams[chunk.stream]
    if (chunk.offset !== stored.length) throw new Error(`${chunk.stream} goes on at ${chunk.offset}, stored are ${stored.length}`)
    stored.chunks.push(chunk.bytes)
    stored.length += chunk.bytes.length
    largest = Math.max(largest, chunk.bytes.length)
    arrived()
  }
  const bytes = () => Buffer.concat(streams.out.chunks)
  const stored = (): StepPosition | null => run === 0 ? null : { run, out: streams.out.length, err: streams.err.length }
  return {
    bytes,
    out: () => bytes().toString(),
    err: () => Buffer.concat(streams.err.chunks).toString(),
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
      while (!bytes().includes(text)) await new Promise<void>((resolve) => (arrived = resolve))
    },
  }
}
