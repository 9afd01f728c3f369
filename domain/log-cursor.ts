/**
 * How far a reader has come in the output of an operation's tree.
 *
 * The chunks of one stream (a step's run, its `out` or `err`) are stored strictly one after the other, but those of different
 * streams may be committed in another order than they were numbered in. So `after` alone would skip a chunk that is committed
 * later with a lower number: for every step that may still write, the cursor says itself how far its streams are read.
 */
export interface LogCursor {
  /** Sequence up to which everything is read of steps that are not listed in `open`. */
  after: number
  open: readonly OpenStep[]
}

/** A step that may still write; streams that are not listed have not been read at all. */
export interface OpenStep {
  stepId: string
  streams: readonly { run: number; stream: 'out' | 'err'; next: number }[]
}

/** Nothing is read yet. */
export const logStart: LogCursor = { after: 0, open: [] }

/** The cursor as one opaque word, short enough for a header: steps that have ended long ago take no room in it. */
export function writeCursor({ after, open }: LogCursor): string {
  const ends = (streams: OpenStep['streams']) =>
    streams.map(({ run, stream, next }) => `${run}${stream === 'out' ? 'o' : 'e'}${next}`)
  const steps = open.map(({ stepId, streams }) => [stepId, ...ends(streams)].join(':'))
  return [after, ...steps].join('_')
}

const word = /^(\d{1,15})((?:_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?::\d{1,9}[oe]\d{1,15})*)*)$/

/** Reads back what `writeCursor` wrote; null for any other text. */
export function readCursor(text: string): LogCursor | null {
  const [, after, steps = ''] = word.exec(text) ?? []
  if (after === undefined) return null
  return { after: Number(after), open: steps.split('_').slice(1).map(openStep) }
}

function openStep(text: string): OpenStep {
  const [stepId = '', ...streams] = text.split(':')
  return {
    stepId,
    streams: streams.map((entry) => {
      const [run, next] = entry.split(/[oe]/)
      return { run: Number(run), stream: entry.includes('o') ? 'out' : 'err', next: Number(next) }
    }),
  }
}
