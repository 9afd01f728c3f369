/** The steps up to an environment, each from what is there (specification section 19). */

import { type EnvironmentFacts, freeName, type OnboardingFacts, type OnboardingRequest, type OnboardingStep, patch, post, step } from './onboarding-step.ts'

/** Stand in for what only the user knows, in the form that is asked for. */
const examples = {
  address: '203.0.113.10',
  hostKeyFingerprint: `SHA256:${'A'.repeat(43)}`,
  gitHostKey: `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${'A'.repeat(43)}`,
  registry: { type: 'generic', url: 'https://registry.example.com', insecure: 'no', namespace: 'team', username: 'keystone', password: 'a token that may push' },
}

/** It is done for whoever can ask. */
export const organisation = () => step('organisation', 'done', 'The organisation is there.')

/** Optional: servers can be adopted instead. */
export function provider({ path, providers }: OnboardingFacts): OnboardingStep {
  if (providers.length > 0) return step('provider', 'done', 'Servers can be bought.', { isOptional: true })
  const request = post(`${path}/providers`, { name: 'hetzner', type: 'hetzner', token: 'a token that may read and write' }, ['token'])
  return step('provider', 'ready', 'With a provider Keystone buys servers; those that you have need none.', { isOptional: true, requests: [request] })
}

/** An application is a repository. */
export function repository({ path, application }: OnboardingFacts): OnboardingStep {
  if (application) return step('repository', 'done', `${application.name} is the application.`)
  const body = { name: 'shop', repositoryUrl: 'git@github.com:team/shop.git', repositoryType: 'github', defaultBranch: 'main' }
  const request = post(`${path}/applications`, body, ['name', 'repositoryUrl', 'repositoryType', 'defaultBranch'])
  return step('repository', 'ready', 'Name the repository of your application: gitea, github or generic, by its SSH address.', { requests: [request] })
}

/** The key of the git host, then the deploy key; optional where nothing is built. */
export function deployKey({ path, application, environment: target }: OnboardingFacts): OnboardingStep {
  const isOptional = target !== null && target.image !== 'built'
  if (!application) return step('deploy_key', 'blocked', 'There is no application whose key could be installed.', { isOptional, blockedBy: 'repository' })
  const { id, name, deployKeyPublic, isKeyInstalled, gitHost } = application
  if (isKeyInstalled) return step('deploy_key', 'done', `The deploy key opens the repository of ${name}.`, { isOptional })
  if (!gitHost.isKnown) {
    const { host, port } = gitHost
    const request = post(`${path}/git-host-keys`, { host, port, key: examples.gitHostKey }, ['key'])
    return step('deploy_key', 'ready', `Confirm the host key of ${host}, as whoever runs it tells it.`, { isOptional, requests: [request] })
  }
  const message = `Add this deploy key to the repository of ${name}, for reading only, and have it verified: ${deployKeyPublic}`
  return step('deploy_key', 'ready', message, { isOptional, requests: [post(`${path}/applications/${id}/verify`)] })
}

/** Needed by an environment on several servers or with a builder of its own, which then has to be given it. */
export function registry({ path, registries, environment: target }: OnboardingFacts): OnboardingStep {
  const first = registries.find(({ takesBuilds }) => takesBuilds)
  const isNeeded = target !== null && needsRegistry(target)
  const isDone = isNeeded ? target.registryId !== null : first !== undefined
  if (isDone) return step('registry', 'done', 'Images have a registry.', { isOptional: !isNeeded })
  if (isNeeded && first) {
    const request = patch(`${path}/environments/${target.id}`, { registryId: first.id })
    return step('registry', 'ready', `${target.name} needs a registry, and there is ${first.name}.`, { requests: [request] })
  }
  const request = post(`${path}/registries`, { name: freeName('main', registries), ...examples.registry }, Object.keys(examples.registry))
  const message = isNeeded
    ? `${target.name} cannot be deployed without a registry: ${target.hasBuilder ? 'a builder of its own builds for it' : `it spans ${target.serverIds.length} servers`}.`
    : 'An environment on several servers needs a registry; one on a single server needs none.'
  return step('registry', 'ready', message, { isOptional: !isNeeded, requests: [request] })
}

/** The one image is built once, and the others pull it (specification sections 6 and 19). */
const needsRegistry = ({ image, hasBuilder, serverIds }: EnvironmentFacts): boolean => image === 'built' && (hasBuilder || serverIds.length > 1)

/** All servers of the environment have to be ready, or any one where it has none. */
export function server(facts: OnboardingFacts): OnboardingStep {
  const { path, servers, environment: target } = facts
  const own = servers.filter(({ id }) => target?.serverIds.includes(id))
  const asked = own.length > 0 ? own : servers
  const failed = asked.find(({ status }) => status === 'failed')
  const unready = asked.find(({ status }) => status === 'new' || status === 'provisioning')
  const ready = asked.find(isReady)
  const isDone = ready !== undefined && (own.length === 0 || (!failed && !unready))
  if (isDone) return step('server', 'done', `${ready.name} is ready.`)
  if (failed) {
    const message = `${failed.name} could not be made ready: its newest operation says why. Mend that, and have it tried again.`
    return step('server', 'ready', message, { requests: [post(`${path}/servers/${failed.id}/provision`)] })
  }
  if (unready) return step('server', 'in_progress', `${unready.name} is being made ready.`)
  return step('server', 'ready', 'Buy a server, or name one that you have.', { requests: newServers(facts) })
}

/** One that does not answer at the moment was ready before. */
const isReady = ({ status }: OnboardingFacts['servers'][number]): boolean => status === 'active' || status === 'unreachable'

function newServers({ path, providers }: OnboardingFacts): OnboardingRequest[] {
  const bought = { name: 'server-1', location: 'fsn1', type: 'cx22', image: 'debian-13' }
  const { address, hostKeyFingerprint } = examples
  const adopted = { name: 'server-1', address, hostKeyFingerprint, firstLogin: { user: 'root', password: 'the password of root' } }
  return [
    ...providers.slice(0, 1).map(({ id }) => post(`${path}/providers/${id}/servers`, bought, ['location', 'type', 'image'])),
    post(`${path}/servers`, adopted, ['address', 'hostKeyFingerprint', 'firstLogin']),
  ]
}

/** An environment of the application that has a server. */
export function environment({ path, application, servers, environment: target }: OnboardingFacts): OnboardingStep {
  if (!application) return step('environment', 'blocked', 'There is no application that could have one.', { blockedBy: 'repository' })
  if (target && target.serverIds.length > 0) return step('environment', 'done', `${target.name} of ${application.name} is there.`)
  const place = servers.find(isReady) ?? servers[0]
  if (!place) return step('environment', 'blocked', 'There is no server on which it could run.', { blockedBy: 'server' })
  if (!target) {
    const request = post(`${path}/applications/${application.id}/environments`, { name: 'production', serverIds: [place.id] })
    return step('environment', 'ready', `Give ${application.name} an environment.`, { requests: [request] })
  }
  const requests = target.webServiceId ? [patch(`${path}/services/${target.webServiceId}`, { placements: [{ serverId: place.id }] })] : []
  return step('environment', 'ready', `${target.name} has no server.`, { requests })
}
