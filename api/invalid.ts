import { type ZodError, z } from 'zod'
import { type FieldError, Problem } from './problem.ts'

type Issue = ZodError['issues'][number]
type Checked = { target: string } & ({ success: true } | { success: false; error: ZodError })

const typeNames: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
}

/** What people read where a schema has no words of its own. */
z.config({
  customError: (issue) => {
    if (issue.code !== 'invalid_type') return undefined
    return issue.input === undefined ? 'is missing' : `must be ${typeNames[issue.expected] ?? issue.expected}`
  },
})

/** Refuses what the schemas of a route do not accept: 404 for a path that leads nowhere, else 422 naming every field. */
export function refuseInvalid(result: Checked): void {
  if (result.success) return
  if (result.target === 'param' && result.error.issues.some(isBrokenId)) {
    throw new Problem(404, 'not_found', 'There is nothing at this address: check the ids in it.')
  }
  throw invalidInput(result.error)
}

/** A 422 with one entry per field, the first that is wrong with it; `within` is the path of the object that was parsed. */
export function invalidInput(error: ZodError, within: readonly PropertyKey[] = []): Problem {
  const all = error.issues.flatMap((issue) => fieldErrors({ ...issue, path: [...within, ...issue.path] }))
  const errors = all.filter(({ field }, index) => all.findIndex((one) => one.field === field) === index)
  const detail = errors.map(({ field, message }) => `${field}: ${message}`).join('; ')
  return new Problem(422, 'invalid_input', detail, { errors })
}

const isBrokenId = (issue: Issue): boolean => issue.code === 'invalid_format' && issue.format === 'uuid'

function fieldErrors(issue: Issue): FieldError[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ field: fieldPath([...issue.path, key]), message: 'is not a known field: remove it' }))
  }
  return [{ field: fieldPath(issue.path), message: issue.message }]
}

function fieldPath(path: readonly PropertyKey[]): string {
  const text = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('')
  return text.replace(/^\./, '') || 'body'
}
