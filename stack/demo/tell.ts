import { type OperationTree, stepsOf } from './operation.ts'

/** Tells a person, line by line, which steps of an operation begin and how they end. */
export function createTeller(say: (line: string) => void): (tree: OperationTree) => void {
  const told = new Set<string>()
  const once = (line: string) => {
    if (told.has(line)) return
    told.add(line)
    say(line)
  }
  return (tree) => {
    for (const { name, status, server, startedAt, finishedAt } of stepsOf(tree)) {
      const where = server ? ` on ${server.name}` : ''
      if (status === 'running') once(`    ${name}${where} …`)
      else once(`    ${name}${where}: ${status}, ${secondsBetween(startedAt, finishedAt)} s`)
    }
  }
}

const secondsBetween = (from: string, to: string | null) => ((Date.parse(to ?? from) - Date.parse(from)) / 1000).toFixed(1)
