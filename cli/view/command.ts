import type { LogChunk } from '../client.ts'
import { stepsOf } from './tree.ts'
import type { View } from './watching.ts'

/** The step of a `command_run` that has the output of the command itself. */
const commandStep = 'command'

interface Sinks {
  out(text: string): unknown
  err(text: string): unknown
}

/**
 * What a command writes, as it is and where it writes it. The step says first which command it runs, in as many lines as that has:
 * they are left out. What a step writes that is not known yet is kept until it is.
 */
export function createCommandView(command: string | readonly string[], sinks: Sinks): View {
  const names = new Map<string, string>()
  let early: readonly LogChunk[] = []
  let echoed = (typeof command === 'string' ? command : command.join(' ')).split('\n').length
  const withoutEcho = (text: string): string => {
    let rest = text
    while (echoed > 0 && rest !== '') {
      const end = rest.indexOf('\n') + 1
      if (end > 0) echoed -= 1
      rest = end > 0 ? rest.slice(end) : ''
    }
    return rest
  }
  const write = (chunks: readonly LogChunk[]) => {
    for (const { stepId, run, stream, text } of chunks) {
      if (names.get(stepId) === commandStep) sinks[stream](stream === 'out' && run === 1 ? withoutEcho(text) : text)
    }
  }
  return {
    changed(tree) {
      for (const { id, name } of stepsOf(tree)) names.set(id, name)
      write(early)
      early = []
    },
    written(chunks) {
      write(chunks.filter(({ stepId }) => names.has(stepId)))
      early = [...early, ...chunks.filter(({ stepId }) => !names.has(stepId))]
    },
    end() {},
  }
}
