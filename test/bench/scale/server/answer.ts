import { z } from 'zod'
import type { Machine } from './machine.ts'
import type { StepParts } from './parcel.ts'
import { Violation } from './violation.ts'

/** What a step's script comes to: what it prints, what it reports, how it ends. All may be left out. */
export interface Answer {
  out?: string
  err?: string
  result?: string
  exitCode?: number
}

/** Does what a step's script would do to the server. Throws a Violation where a real one could not have run. */
export type Answerer = (machine: Machine, parts: StepParts) => Answer | Promise<Answer>

/** Steps by the name of their folder, or the beginning of it. */
export type Answers = Readonly<Record<string, Answerer>>

/** An answerer of a script with exactly these inputs. */
export function withInputs<Shape extends z.ZodRawShape>(
  shape: Shape,
  answer: (machine: Machine, inputs: z.output<z.ZodObject<Shape, z.core.$strict>>, parts: StepParts) => Answer | Promise<Answer>,
): Answerer {
  const schema = z.strictObject(shape)
  return (machine, parts) => {
    const parsed = schema.safeParse(parts.inputs)
    if (!parsed.success) throw new Violation(`inputs of another script: ${z.prettifyError(parsed.error)}`)
    return answer(machine, parsed.data, parts)
  }
}

/** Any text, also none. */
export const text = z.string()

/** The entries of a list, which come one a line. */
export const linesOf = (list: string): string[] => list.split('\n').filter((line) => line !== '')

/** A file that came with the step. */
export function fileOf({ files }: StepParts, path: string): string {
  const content = files.get(path)
  if (content === undefined) throw new Violation(`the step came without ${path}`)
  return content
}

/** A secret that came with the step. */
export function secretOf({ secrets }: StepParts, name: string): string {
  const content = secrets.get(name)
  if (content === undefined) throw new Violation(`the step came without the secret ${name}`)
  return content
}
