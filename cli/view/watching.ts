import type { LogChunk, OperationTree, Step } from '../client.ts'
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

/** The API tells that a step has ended before what it wrote last. */
const lastOutputMilliseconds = 200

/** For files and pipes: a line when a step begins and one when it ends, with what it writes in between. */
export function createLineView(write: Write): View {
  const told = new Set<string>()
  const output = createOutputLines()
  let title = (stepId: string) => stepId
  let ended: string[] = []
  let overdue: NodeJS.Timeout | undefined
  const say = (lines: readonly string[]) => lines.forEach((line) => write(`${line}\n`))
  const news = (lines: readonly string[]) => lines.filter((line) => !told.has(line) && told.add(line))
  const sayEnded = () => {
    clearTimeout(overdue)
    say(ended.splice(0))
  }
  return {
    changed(tree) {
      sayEnded()
      title = titles(tree)
      const steps = stepsOf(tree)
      say(news(steps.filter(({ finishedAt }) => finishedAt === null).map(beginning)))
      ended = news(steps.filter(({ finishedAt }) => finishedAt !== null).map(stepEnding))
      overdue = setTimeout(sayEnded, lastOutputMilliseconds)
    },
    written(chunks) {
      say(output.of(chunks, title))
      sayEnded()
    },
    end() {
      say(output.rest(title))
      sayEnded()
    },
  }
}

const beginning = (step: Step): string => `${stepLabel(step)}${again(step)} …`
const stepEnding = (step: Step): string => `${stepLabel(step)}${again(step)}: ${step.status}, ${duration(step.startedAt, step.finishedAt, 0)}`
const again = ({ run }: Step): string => (run > 1 ? ` (run ${run})` : '')

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
