import type { LogChunk, OperationTree } from '../client.ts'
import type { Terminal } from '../terminal.ts'
import { createOutputLines } from './output.ts'
import { createScreen } from './screen.ts'
import { stepLabel, stepsOf, treeLines } from './tree.ts'
import { duration } from './duration.ts'

/** Shows an operation while it goes on. */
export interface View {
  changed(tree: OperationTree): void
  written(chunks: readonly LogChunk[]): void
  end(): void
}

type Write = (text: string) => void

/** For files and pipes: a line when a step begins and one when it ends, with what it writes in between. */
export function createLineView(write: Write): View {
  const told = new Set<string>()
  const output = createOutputLines()
  let title = (stepId: string) => stepId
  const say = (lines: readonly string[]) => lines.forEach((line) => write(`${line}\n`))
  return {
    changed(tree) {
      const news = progress(tree).filter((line) => !told.has(line))
      news.forEach((line) => told.add(line))
      title = titles(tree)
      say(news)
    },
    written: (chunks) => say(output.of(chunks, title)),
    end: () => say(output.rest(title)),
  }
}

function progress(tree: OperationTree): string[] {
  return stepsOf(tree).map((step) => {
    const { status, run, startedAt, finishedAt } = step
    const again = run > 1 ? ` (run ${run})` : ''
    return finishedAt === null ? `${stepLabel(step)}${again} …` : `${stepLabel(step)}${again}: ${status}, ${duration(startedAt, finishedAt, 0)}`
  })
}

const redrawMilliseconds = 200

/** For terminals: what steps write goes by above the tree, which stays. */
export function createLiveView(write: Write, { paint, size }: Terminal): View {
  const screen = createScreen(write, size)
  const output = createOutputLines()
  let tree: OperationTree | undefined
  let title = (stepId: string) => stepId
  const draw = () => screen.draw(tree ? treeLines(tree, { paint, now: Date.now() }) : [])
  const clock = setInterval(draw, redrawMilliseconds)
  return {
    changed(changed) {
      tree = changed
      title = titles(changed)
      draw()
    },
    written: (chunks) => screen.print(output.of(chunks, title).map((line) => paint('dim', line))),
    end() {
      clearInterval(clock)
      screen.print(output.rest(title).map((line) => paint('dim', line)))
      draw()
    },
  }
}

function titles(tree: OperationTree): (stepId: string) => string {
  const names = new Map(stepsOf(tree).map((step) => [step.id, stepLabel(step)]))
  return (stepId) => names.get(stepId) ?? stepId
}
