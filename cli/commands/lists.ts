import { buildCommand } from '@stricli/core'
import { type CliContext, commonFlags, type CommonFlags, type OrganisationFlags, organisationFlags } from '../context.ts'
import { environmentParam, namedEnvironments } from '../environments.ts'
import { CliError, exitCodes } from '../errors.ts'
import { wholeList } from '../pages.ts'
import { inOrganisation, logIn, organisationIdOf, type OrganisationSession } from '../session.ts'
import { storeSettings } from '../settings.ts'
import { table } from '../view/table.ts'

type Row = Record<string, string | number | null>

interface Listing<Item> {
  brief: string
  list(session: OrganisationSession): Promise<{ items: Item[] }>
  row(item: Item, session: OrganisationSession): Row
}

const listCommand = <Item>({ brief, list, row }: Listing<Item>) =>
  buildCommand({
    docs: { brief },
    parameters: { flags: organisationFlags },
    async func(this: CliContext, flags: OrganisationFlags) {
      const session = await inOrganisation(this, flags)
      session.show(await list(session), ({ items }) => table(items.map((item) => row(item, session)), this.terminal.paint))
    },
  })

export const servers = listCommand({
  brief: 'Servers',
  list: ({ client, ask, param }) => wholeList((query) => ask(client.servers.$get({ param, query }))),
  row: ({ id, name, address, status, architecture }) => ({ name, address, status, architecture, id }),
})

export const apps = listCommand({
  brief: 'Applications',
  list: ({ client, ask, param }) => wholeList((query) => ask(client.applications.$get({ param, query }))),
  row: ({ id, name, repositoryUrl, defaultBranch }) => ({ name, repository: repositoryUrl, branch: defaultBranch, id }),
})

export const services = buildCommand({
  docs: { brief: 'Services that stand alone, or those of an environment' },
  parameters: {
    flags: organisationFlags,
    positional: { kind: 'tuple', parameters: [{ brief: 'application/environment, or its name or id', placeholder: 'environment', parse: String, optional: true }] },
  },
  async func(this: CliContext, flags: OrganisationFlags, environment?: string) {
    const session = await inOrganisation(this, flags)
    const { client, ask, param, show } = session
    const ofEnvironment = environment === undefined ? null : await environmentParam(session, environment)
    const found = await wholeList((query) =>
      ask(ofEnvironment ? client.ownServices.$get({ param: ofEnvironment, query }) : client.services.$get({ param, query })),
    )
    const rows = found.items.map(({ id, name, driver, status, desiredReplicas }) => ({ name, driver, status, replicas: desiredReplicas, id }))
    show(found, () => table(rows, this.terminal.paint))
  },
})

export const envs = buildCommand({
  docs: { brief: 'Environments' },
  parameters: { flags: organisationFlags },
  async func(this: CliContext, flags: OrganisationFlags) {
    const session = await inOrganisation(this, flags)
    const { client, ask, param, show } = session
    if (flags.json) return show(await wholeList((query) => ask(client.environments.$get({ param, query }))), () => '')
    const rows = (await namedEnvironments(session)).map(({ path, branch, status, id }) => ({ name: path, branch, status, id }))
    this.process.stdout.write(table(rows, this.terminal.paint))
  },
})

export const organisations = buildCommand({
  docs: { brief: 'Organisations that you reach' },
  parameters: { flags: commonFlags },
  async func(this: CliContext, flags: CommonFlags) {
    const { client, ask, show } = await logIn(this, flags)
    show(await ask(client.user.$get()), (who) => table(who.organisations.map(({ id, name, role }) => ({ name, role, id })), this.terminal.paint))
  },
})

export const useOrganisation = buildCommand({
  docs: { brief: 'Work in this organisation from now on' },
  parameters: {
    flags: {},
    positional: { kind: 'tuple', parameters: [{ brief: 'Its name or id', placeholder: 'organisation', parse: String }] },
  },
  async func(this: CliContext, _flags: object, wanted: string) {
    const given = ['KEYSTONE_URL', 'KEYSTONE_TOKEN'].find((name) => this.env[name])
    if (given) throw new CliError(exitCodes.usage, `${given} is set, so nothing is kept: set KEYSTONE_ORGANISATION beside it.`)
    const session = await logIn(this, { json: false })
    const organisation = await organisationIdOf(session, wanted)
    await storeSettings(this.env, { ...session.settings, organisation })
    this.process.stdout.write(`From now on in ${wanted}.\n`)
  },
})

export const deployKey = buildCommand({
  docs: { brief: 'Print the public key that an application reads its repository with', fullDescription: 'Add it to the repository, for reading only.' },
  parameters: {
    flags: organisationFlags,
    positional: { kind: 'tuple', parameters: [{ brief: 'The name or id of an application', placeholder: 'app', parse: String }] },
  },
  async func(this: CliContext, flags: OrganisationFlags, wanted: string) {
    const { client, ask, param, show } = await inOrganisation(this, flags)
    const { items } = await wholeList((query) => ask(client.applications.$get({ param, query })))
    const found = items.find(({ id, name }) => id === wanted || name === wanted)
    if (!found) throw new CliError(exitCodes.usage, `There is no application ${wanted}. There are: ${items.map(({ name }) => name).join(', ')}`)
    show(found, ({ deployKeyPublic }) => `${deployKeyPublic}\n`)
  },
})
