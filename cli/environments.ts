import { CliError, exitCodes } from './errors.ts'
import { wholeList } from './pages.ts'
import { isId, type OrganisationSession } from './session.ts'

/** An environment with the name that people call it by. */
export interface NamedEnvironment {
  id: string
  /** `application/environment` */
  path: string
  name: string
  branch: string
  status: string
}

export async function namedEnvironments({ client, ask, param }: OrganisationSession): Promise<NamedEnvironment[]> {
  const [applications, environments] = await Promise.all([
    wholeList((query) => ask(client.applications.$get({ param, query }))),
    wholeList((query) => ask(client.environments.$get({ param, query }))),
  ])
  const names = new Map(applications.items.map(({ id, name }) => [id, name]))
  return environments.items.map(({ id, name, branch, status, applicationId }) => ({ id, path: `${names.get(applicationId)}/${name}`, name, branch, status }))
}

export interface EnvironmentParam {
  organisationId: string
  environmentId: string
}

/** Parameters of an environment's path: by id, as `application/environment`, or by a name that only one has. Throws a CliError. */
export async function environmentParam(session: OrganisationSession, wanted: string): Promise<EnvironmentParam> {
  const { organisationId } = session.param
  if (isId(wanted)) return { organisationId, environmentId: wanted }
  const all = await namedEnvironments(session)
  const [found, ...others] = all.filter(({ path, name }) => path === wanted || name === wanted)
  if (found && others.length === 0) return { organisationId, environmentId: found.id }
  const known = (found ? [found, ...others] : all).map(({ path }) => `  ${path}`).join('\n')
  throw new CliError(exitCodes.usage, found ? `${wanted} is not clear. It may be:\n${known}` : `There is no environment ${wanted}. There are:\n${known}`)
}

/** The id of a service of an environment, named by that or by its name. Throws a CliError that names those there are. */
export async function serviceIdOf({ client, ask }: OrganisationSession, param: EnvironmentParam, wanted: string): Promise<string> {
  if (isId(wanted)) return wanted
  const { items } = await wholeList((query) => ask(client.ownServices.$get({ param, query })))
  const found = items.find(({ name }) => name === wanted)
  if (found) return found.id
  throw new CliError(exitCodes.usage, `There is no service ${wanted}. There are: ${items.map(({ name }) => name).join(', ')}`)
}
