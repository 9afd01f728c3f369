import { readFile, writeFile } from 'node:fs/promises'
import { buildCommand } from '@stricli/core'
import { renderDotenv } from '../../domain/dotenv.ts'
import { type CliContext, type OrganisationFlags, organisationFlags } from '../context.ts'
import { environmentParam } from '../environments.ts'
import { CliError, exitCodes } from '../errors.ts'
import { inOrganisation } from '../session.ts'
import { oneEnvironment } from './operations.ts'

interface FileFlags extends OrganisationFlags {
  file?: string
}

export const pull = buildCommand({
  docs: { brief: 'Print your variables of an environment as a .env file', fullDescription: 'What attachments and Keystone itself give is not among them. Only admins see values.' },
  parameters: {
    flags: { ...organisationFlags, file: { kind: 'parsed', parse: String, optional: true, brief: 'Write it to this file, readable for you alone', placeholder: 'path' } },
    positional: oneEnvironment,
  },
  async func(this: CliContext, { file, ...flags }: FileFlags, environment: string) {
    const session = await inOrganisation(this, flags)
    const param = await environmentParam(session, environment)
    const answer = await session.ask(session.client.variables.$get({ param }))
    if (flags.json) return session.show(answer, () => '')
    const text = renderDotenv(Object.fromEntries(answer.items.filter(({ source }) => source === 'user').map(({ key, value }) => [key, shown(key, value)])))
    if (file === undefined) this.process.stdout.write(text)
    else await writeFile(file, text, { mode: 0o600 })
  },
})

/** Throws a CliError: a file without the value would take it away when it is pushed. */
function shown(key: string, value: string | null): string {
  if (value === null) throw new CliError(exitCodes.refused, `You may not see the value of ${key}: ask an admin of the organisation.`)
  return value
}

interface PushFlags extends FileFlags {
  skipFixed: boolean
}

export const push = buildCommand({
  docs: {
    brief: 'Set the variables of a .env file, all or none',
    fullDescription: 'Those that are not in it stay as they are. The next deployment or configuration change has them.',
  },
  parameters: {
    flags: {
      ...organisationFlags,
      file: { kind: 'parsed', parse: String, optional: true, brief: 'Read this file instead of standard input', placeholder: 'path' },
      skipFixed: { kind: 'boolean', brief: 'Leave out what cannot be overridden, instead of refusing all', default: false },
    },
    positional: oneEnvironment,
  },
  async func(this: CliContext, { file, skipFixed, ...flags }: PushFlags, environment: string) {
    const session = await inOrganisation(this, flags)
    const param = await environmentParam(session, environment)
    const content = file === undefined ? await this.terminal.input() : await readFile(file, 'utf8')
    const json = { content, fixed: skipFixed ? 'skip' : 'refuse' } as const
    session.show(await session.ask(session.client.imports.$post({ param, json, header: {} })), told)
  },
})

interface SetFlags extends OrganisationFlags {
  unset?: string[]
}

export const set = buildCommand({
  docs: {
    brief: 'Set and remove variables, all or none',
    fullDescription: 'Values in commands can be seen by other users of this machine: keystone env push reads secrets from standard input.',
  },
  parameters: {
    flags: { ...organisationFlags, unset: { kind: 'parsed', parse: String, optional: true, variadic: true, brief: 'Remove your value of a variable', placeholder: 'key' } },
    positional: { kind: 'array', minimum: 1, parameter: { brief: 'The environment, then KEY=VALUE for each variable', placeholder: 'env key=value', parse: String } },
  },
  async func(this: CliContext, { unset = [], ...flags }: SetFlags, environment: string, ...assignments: string[]) {
    const session = await inOrganisation(this, flags)
    const param = await environmentParam(session, environment)
    const variables = Object.fromEntries([...assignments.map(assigned), ...unset.map((key) => [key, null] as const)])
    session.show(await session.ask(session.client.variables.$patch({ param, json: { variables } })), told)
  },
})

/** Throws a CliError. */
function assigned(assignment: string): readonly [key: string, value: string] {
  const at = assignment.indexOf('=')
  if (at < 1) throw new CliError(exitCodes.usage, `${assignment} sets nothing: write KEY=VALUE, or --unset KEY.`)
  return [assignment.slice(0, at), assignment.slice(at + 1)]
}

interface Changed {
  items: { key: string; change: string }[]
  warnings: string[]
  skipped?: string[]
}

const told = ({ items, warnings, skipped = [] }: Changed): string =>
  [...items.map(({ key, change }) => `${key}: ${change}`), ...skipped.map((key) => `${key}: left out, it cannot be overridden`), ...warnings.map((text) => `Warning: ${text}`), ''].join('\n')
