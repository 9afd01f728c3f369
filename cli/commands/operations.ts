import { buildCommand } from '@stricli/core'
import type { Operation } from '../client.ts'
import { type CliContext, type OrganisationFlags, organisationFlags } from '../context.ts'
import { environmentParam, namedEnvironments } from '../environments.ts'
import { follow, followSilently } from '../follow.ts'
import { inOrganisation, type OrganisationSession } from '../session.ts'
import { planText } from '../view/plan.ts'
import { table } from '../view/table.ts'

export const environmentParameter = {
  brief: 'An environment: application/name, its name where only one has it, or its id',
  ...{ placeholder: 'env', parse: String },
  async proposeCompletions(this: CliContext, partial: string) {
    const environments = await namedEnvironments(await inOrganisation(this, { json: false }))
    return environments.map(({ path }) => path).filter((path) => path.startsWith(partial))
  },
}
export const oneEnvironment = { kind: 'tuple', parameters: [environmentParameter] } as const

const oneOperation = { kind: 'tuple', parameters: [{ brief: 'The id of an operation', placeholder: 'operation', parse: String }] } as const

const followFlag = {
  follow: { kind: 'boolean', brief: 'Show what happens to the end; the exit code is 0 only when it has succeeded', default: false },
} as const

export interface FollowFlags extends OrganisationFlags {
  follow: boolean
}

interface VersionFlags extends OrganisationFlags {
  branch?: string
  commit?: string
  image?: string
}

const versionFlags = {
  branch: { kind: 'parsed', parse: String, optional: true, brief: 'Another branch than that of the environment', placeholder: 'name' },
  commit: { kind: 'parsed', parse: String, optional: true, brief: 'This commit instead of the head of the branch', placeholder: 'sha' },
  image: { kind: 'parsed', parse: String, optional: true, brief: 'An image that was built elsewhere, by tag or digest', placeholder: 'reference' },
} as const

export const deploy = buildCommand({
  docs: { brief: 'Deploy an environment' },
  parameters: { flags: { ...organisationFlags, ...versionFlags, ...followFlag }, aliases: { f: 'follow' }, positional: oneEnvironment },
  async func(this: CliContext, { branch, commit, image, ...flags }: VersionFlags & FollowFlags, environment: string) {
    const session = await inOrganisation(this, flags)
    const param = await environmentParam(session, environment)
    const operation = await session.ask(session.client.deployments.$post({ param, json: { branch, commit, image }, header: {} }))
    await begun(this, session, { operation, flags })
  },
})

export const rollback = buildCommand({
  docs: { brief: 'Go back to the release before the live one, or to the one named' },
  parameters: {
    flags: {
      ...{ ...organisationFlags, ...followFlag },
      release: { kind: 'parsed', parse: String, optional: true, brief: 'The id of a release', placeholder: 'id' },
    },
    aliases: { f: 'follow' },
    positional: oneEnvironment,
  },
  async func(this: CliContext, { release, ...flags }: FollowFlags & { release?: string }, environment: string) {
    const session = await inOrganisation(this, flags)
    const param = await environmentParam(session, environment)
    const operation = await session.ask(session.client.rollbacks.$post({ param, json: { releaseId: release }, header: {} }))
    await begun(this, session, { operation, flags })
  },
})

interface Begun {
  operation: Operation
  flags: FollowFlags
}

async function begun(context: CliContext, session: OrganisationSession, { operation, flags }: Begun): Promise<void> {
  if (flags.follow) return flags.json ? followSilently(context, session, operation.id) : follow(context, session, operation.id)
  session.show(operation, ({ id, summary, status }) => `${summary}: ${status}. Follow it: keystone logs ${id} -f\n`)
}

export const plan = buildCommand({
  docs: { brief: 'What a deployment would do, and why' },
  parameters: { flags: { ...organisationFlags, ...versionFlags }, positional: oneEnvironment },
  async func(this: CliContext, { branch, commit, image, ...flags }: VersionFlags, environment: string) {
    const session = await inOrganisation(this, flags)
    const param = await environmentParam(session, environment)
    session.show(await session.ask(session.client.plan.$get({ param, query: { branch, commit, image } })), planText)
  },
})

export const releases = buildCommand({
  docs: { brief: 'The last releases of an environment, newest first' },
  parameters: { flags: organisationFlags, positional: oneEnvironment },
  async func(this: CliContext, flags: OrganisationFlags, environment: string) {
    const session = await inOrganisation(this, flags)
    const param = await environmentParam(session, environment)
    session.show(await session.ask(session.client.releases.$get({ param, query: {} })), ({ items }) =>
      table(items.map(({ id, number, kind, status, commit, createdAt }) => ({ number, kind, status, commit: commit && commit.slice(0, 7), created: createdAt, id })), this.terminal.paint),
    )
  },
})

export const operations = buildCommand({
  docs: { brief: 'The last operations, newest first' },
  parameters: { flags: organisationFlags },
  async func(this: CliContext, flags: OrganisationFlags) {
    const { client, ask, param, show } = await inOrganisation(this, flags)
    show(await ask(client.operations.$get({ param, query: {} })), ({ items }) =>
      table(items.map(({ id, summary, status, createdAt }) => ({ operation: summary, status, created: createdAt, id })), this.terminal.paint),
    )
  },
})

export const cancel = buildCommand({
  docs: { brief: 'Cancel an operation: what it changed is taken back' },
  parameters: { flags: organisationFlags, positional: oneOperation },
  async func(this: CliContext, flags: OrganisationFlags, operationId: string) {
    const { client, ask, param, show } = await inOrganisation(this, flags)
    const cancelled = await ask(client.operations[':operationId'].cancel.$post({ param: { ...param, operationId }, header: {} }))
    show(cancelled, ({ summary }) => `${summary}: is taken back. Follow it: keystone logs ${operationId} -f\n`)
  },
})

export const retry = buildCommand({
  docs: { brief: 'Request an operation that did not succeed once more; a deployment takes the same commit' },
  parameters: { flags: { ...organisationFlags, ...followFlag }, aliases: { f: 'follow' }, positional: oneOperation },
  async func(this: CliContext, flags: FollowFlags, operationId: string) {
    const session = await inOrganisation(this, flags)
    const { client, ask, param } = session
    const operation = await ask(client.operations[':operationId'].retry.$post({ param: { ...param, operationId }, header: {} }))
    await begun(this, session, { operation, flags })
  },
})
