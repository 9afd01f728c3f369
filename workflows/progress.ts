import { setCurrentDetails } from '@temporalio/workflow'

/**
 * What an operator reads in the Temporal Web UI: done, running, waiting. Answered by a worker; the summaries of pending
 * activities need none.
 */
export interface Progress {
  /** Names the phase that begins now; the one before it is done. */
  phase(name: string): void
  note(line: string): void
  /** What it waits for at the moment; null: for nothing. */
  waiting(reason: string | null): void
}

/** Shows all of the phases as waiting, until they are named one after the other. */
export function createProgress(phases: readonly string[]): Progress {
  const notes: string[] = []
  let current = -1
  let waitsFor: string | null = null
  const show = () => {
    const list = phases.map((name, index) => `- ${mark(index, current)} ${name}`)
    const lines = [...notes, ...(waitsFor === null ? [] : [`Waiting: ${waitsFor}`])]
    setCurrentDetails([...list, ...lines.map((line) => `\n${line}`)].join('\n'))
  }
  show()
  return {
    phase(name) {
      current = phases.indexOf(name)
      show()
    },
    note(line) {
      notes.push(line)
      show()
    },
    waiting(reason) {
      waitsFor = reason
      show()
    },
  }
}

function mark(index: number, current: number): string {
  if (index < current) return 'done:'
  return index === current ? '**running:**' : 'waiting:'
}
