import { createFrameReader } from './framing.ts'
import type { ProcessStream } from './process.ts'
import type { StepChunk, StepOutcome } from './remote.ts'

const chunkBytes = 64 * 1024

/** Takes launch.sh's two framed streams apart and hands the step's own bytes on, at their offsets. */
export interface StepReader {
  take(stream: ProcessStream, bytes: Buffer): Promise<void>
  /** Whether the launcher came as far as following the step. */
  isFollowing(): boolean
  /** What the launcher said before; for people. */
  diagnostics(): string
  /** Null when the step has no exit code (yet). */
  ending(): StepEnding | null
}

interface StepEnding {
  outcome: StepOutcome
  /** All bytes of both streams have come. */
  isComplete: boolean
}

interface Position {
  run: number
  offset: number
}

export function createStepReader(boundary: string, onChunk: (chunk: StepChunk) => Promise<void>): StepReader {
  const frames = { stdout: createFrameReader(boundary), stderr: createFrameReader(boundary) }
  const positions: { stdout?: Position; stderr?: Position } = {}
  return {
    async take(stream, bytes) {
      const body = frames[stream].push(bytes)
      const position = (positions[stream] ??= positionOf(frames[stream].header()))
      if (!position) return
      for (let at = 0; at < body.length; at += chunkBytes) {
        const piece = body.subarray(at, at + chunkBytes)
        await onChunk({ run: position.run, stream: stream === 'stdout' ? 'out' : 'err', offset: position.offset, bytes: piece })
        position.offset += piece.length
      }
    },
    isFollowing: () => positions.stdout !== undefined,
    diagnostics: () => frames.stderr.preamble().toString('utf8').trim(),
    ending: () => endingOf(frames.stdout.ending(), positions.stdout, positions.stderr),
  }
}

/** Header of both streams: run, offset of the first byte that follows. */
function positionOf(header: string | null): Position | undefined {
  const [, run, offset] = /^(\d+) (\d+)$/.exec(header ?? '') ?? []
  return run === undefined || offset === undefined ? undefined : { run: Number(run), offset: Number(offset) }
}

/** Ending of stdout: exit code, size of either stream, length of the result, newline, result. */
function endingOf(bytes: Buffer, out: Position | undefined, err: Position | undefined): StepEnding | null {
  const headEnd = bytes.indexOf('\n')
  const numbers = /^(\d+) (\d+) (\d+) (\d+)\n/.exec(bytes.toString('latin1', 0, headEnd + 1))?.slice(1).map(Number)
  if (!numbers || !out || !err) return null
  const [exitCode = 0, outSize = 0, errSize = 0, resultSize = 0] = numbers
  const result = bytes.subarray(headEnd + 1)
  return {
    outcome: { run: out.run, exitCode, result: result.toString('utf8') },
    isComplete: out.offset >= outSize && err.offset >= errSize && result.length === resultSize,
  }
}
