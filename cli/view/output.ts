import { stripVTControlCharacters } from 'node:util'
import type { LogChunk } from '../client.ts'

/** Puts chunks together to whole lines, and says whose they are where that changes. */
export interface OutputLines {
  /** `title` names a step by its id. */
  of(chunks: readonly LogChunk[], title: (stepId: string) => string): string[]
  /** What ended without a line break. */
  rest(title: (stepId: string) => string): string[]
}

export function createOutputLines(): OutputLines {
  const open = new Map<string, { stepId: string; text: string }>()
  let current = ''
  const told = (stepId: string, lines: readonly string[], title: (stepId: string) => string) => {
    if (lines.length === 0) return []
    const heading = stepId === current ? [] : [`==> ${title(stepId)} <==`]
    current = stepId
    return [...heading, ...lines.map(shown)]
  }
  return {
    of: (chunks, title) =>
      chunks.flatMap(({ stepId, run, stream, text }) => {
        const key = `${stepId} ${run} ${stream}`
        const lines = `${open.get(key)?.text ?? ''}${text}`.split('\n')
        open.set(key, { stepId, text: lines.pop() ?? '' })
        return told(stepId, lines, title)
      }),
    rest: (title) => [...open.values()].flatMap(({ stepId, text }) => told(stepId, text === '' ? [] : [text], title)),
  }
}

/** A line as it looks in the end: programs draw over what they have written, and no server may draw on the user's terminal. */
const shown = (line: string): string => stripVTControlCharacters(line.trimEnd().split('\r').at(-1) ?? '')
