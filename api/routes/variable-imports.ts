import { createRoute } from '@hono/zod-openapi'
import { readDotenv } from '../../domain/dotenv-reader.ts'
import { Secret } from '../../domain/secret.ts'
import { requires } from '../authentication.ts'
import { commit } from '../commit.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { environmentIn } from '../in-organisation.ts'
import { Problem } from '../problem.ts'
import { body, json, onceHeaders } from '../schemas/content.ts'
import { oneEnvironment } from '../schemas/params.ts'
import { writeProblems } from '../schemas/problem.ts'
import { importedVariablesSchema, variableValue, variablesImportSchema } from '../schemas/variable.ts'
import { changesOf, changeUsersVariables, fixedKeys, variableLayers } from '../variables.ts'

const create = createRoute({
  method: 'post',
  path: '/organisations/{organisationId}/environments/{environmentId}/variable-imports',
  tags: ['Variables'],
  summary: 'Set the variables of a .env file, all or none',
  description:
    'Read as Laravel reads it: quotes, escapes, several lines in double quotes, comments and ${NAME} of a variable above. Lines that ' +
    'cannot be read are named with the reason, and nothing is set. Variables that are not in it stay as they are. ' +
    'Problems: unreadable_env_file, variable_not_overridable.',
  middleware: requires('admin'),
  request: { params: oneEnvironment, headers: onceHeaders, body: body(variablesImportSchema) },
  responses: { 200: json('What came of each', importedVariablesSchema), ...writeProblems },
})

export function variableImportRoutes(deps: ApiDependencies) {
  return createRouter()
    .openapi(create, async (c) => {
      const { id } = await environmentIn(deps, c, c.req.valid('param').environmentId)
      const { content, fixed } = c.req.valid('json')
      const variables = variablesIn(content)
      const { body: imported, status, headers } = await commit(deps, c, async (tx) => {
        const keys = Object.keys(variables)
        const layers = await variableLayers({ ...deps, db: tx }, id)
        const skipped = fixed === 'skip' ? fixedKeys(layers, keys) : []
        const taken = keys.filter((key) => !skipped.includes(key))
        const values = Object.fromEntries(taken.map((key) => [key, new Secret(variables[key] ?? '')]))
        const made = await changeUsersVariables(tx, deps, { environmentId: id, userId: c.var.actor.userId, values, field: 'content' })
        return {
          status: 200,
          body: { ...made, skipped },
          event: { action: 'variables.imported', targetType: 'environment', targetId: id, details: { ...changesOf(made), skipped } },
        }
      })
      return c.json(imported, status, headers)
    })
}

/** Throws a 422 that names every line which cannot be read. */
function variablesIn(content: string): Readonly<Record<string, string>> {
  const { variables, problems } = readDotenv(content)
  const tooLarge = Object.keys(variables).flatMap((key) => variableValue.safeParse(variables[key]).error?.issues.map(({ message }) => `${key} ${message}`) ?? [])
  const messages = [...problems.map(({ line, message }) => `line ${line}: ${message}`), ...tooLarge]
  if (messages.length === 0) return variables
  const errors = messages.map((message) => ({ field: 'content', message }))
  throw new Problem(422, 'unreadable_env_file', messages.join('; '), { errors })
}
