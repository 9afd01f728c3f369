import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OnboardingRequest, OnboardingStep } from '../../domain/onboarding-step.ts'
import { keyFingerprint } from '../../drivers/sources/known-hosts.ts'
import { type FakeHetzner, openFakeHetzner } from '../lab/hetzner/fake.ts'
import { type GitHost, openGitHost } from './git-host.ts'
import { freeName, freePrivateAddress, provisioned, serverWish, someHostKey } from './scene.ts'
import { createTestApi, type TestApi } from './test-api.ts'

interface Onboarding {
  applicationId: string | null
  environmentId: string | null
  isComplete: boolean
  next: { step: string; request: OnboardingRequest } | null
  steps: OnboardingStep[]
}

interface Newcomer {
  root: string
  token: string
}

let api: TestApi
let git: GitHost
let hetzner: FakeHetzner
let registry: Server

beforeAll(async () => {
  hetzner = await openFakeHetzner()
  api = await createTestApi({ hetznerEndpoint: hetzner.endpoint })
  git = await openGitHost()
  registry = await openPushRegistry()
})
afterAll(async () => {
  await api.close()
  await git.close()
  registry.close()
  await hetzner.close()
})

/** Lets everybody push; a real one is asked in `test/drivers/registries`. */
async function openPushRegistry(): Promise<Server> {
  const server = createServer(({ method, url = '' }, answer) => {
    if (method === 'POST') answer.writeHead(202, { location: `${url}1` }).end()
    else answer.writeHead(200).end('{}')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return server
}

const newcomer = (): Promise<Newcomer> => api.anotherOrganisation()

async function read({ root, token }: Newcomer, query = ''): Promise<Onboarding> {
  const { status, body } = await api.ask<Onboarding>('GET', `${root}/onboarding${query}`, { token })
  expect(status).toBe(200)
  return body
}

/** What the user knows, in the place of the examples. */
function own(step: string, { path, body, yours }: OnboardingRequest): Record<string, unknown> {
  const known: Record<string, Record<string, unknown>> = {
    provider: { token: hetzner.token },
    repository: { name: 'shop', repositoryUrl: git.repositoryUrl, repositoryType: 'generic', defaultBranch: 'main' },
    deploy_key: { key: git.hostKey },
    registry: { type: 'generic', url: `http://127.0.0.1:${(registry.address() as AddressInfo).port}`, insecure: 'plain_http', namespace: 'team', username: 'ci', password: 'secret' },
    server: { location: 'fsn1', type: 'cx22', image: 'debian-13' },
    attachments: { domain: 'shop.example.com' },
  }
  const named = yours.map((field) => {
    const value = known[step]?.[field]
    if (value === undefined) throw new Error(`${path} asks for ${field}, which nobody knows`)
    return [field, value] as const
  })
  return { ...body, ...Object.fromEntries(named) }
}

/** Makes the very request, and has its operation do what it would. */
async function make({ token }: Newcomer, step: string, request: OnboardingRequest): Promise<void> {
  const { status, body } = await api.ask(request.method, request.path, { token, body: own(step, request) })
  expect(status, `${request.method} ${request.path}: ${JSON.stringify(body)}`).toBeLessThan(300)
  await provisioned(api)
  await api.database.sql`
    update servers set status = 'active', architecture = 'amd64', host_key = ${someHostKey}, address = coalesce(address, ${`${freeName('host')}.example.com`})
    where status = 'new'`
}

const stateOf = ({ steps }: Onboarding) => Object.fromEntries(steps.map(({ name, state }) => [name, state]))
const stepOf = ({ steps }: Onboarding, name: string) => steps.find((step) => step.name === name)!

describe('onboarding', () => {
  it('leads from an empty organisation through all steps to a deployment, by the requests that it proposes', async () => {
    const user = await newcomer()
    const first = await read(user)
    expect(stateOf(first)).toEqual({
      ...{ organisation: 'done', provider: 'ready', repository: 'ready', deploy_key: 'blocked', registry: 'ready' },
      ...{ server: 'ready', environment: 'blocked', attachments: 'blocked', deployment: 'blocked' },
    })
    expect(first).toMatchObject({ applicationId: null, environmentId: null, isComplete: false, next: { step: 'repository' } })
    const made: string[] = []
    for (let now = first; ; now = await read(user)) {
      const step = now.steps.find(({ requests }) => requests.length > 0)
      const [request] = step?.requests ?? []
      if (!step || !request) break
      if (request.path.endsWith('/verify')) git.install(/ssh-ed25519 \S+/.exec(step.message)![0])
      await make(user, step.name, request)
      made.push(`${step.name} ${request.path.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '*')}`)
      expect(made.length).toBeLessThan(20)
      if (step.name === 'deployment') break
    }
    const at = '/organisations/*'
    expect(made).toEqual([
      ...[`provider ${at}/providers`, `repository ${at}/applications`, `deploy_key ${at}/git-host-keys`, `deploy_key ${at}/applications/*/verify`],
      ...[`registry ${at}/registries`, `server ${at}/providers/*/servers`, `environment ${at}/applications/*/environments`],
      ...[`attachments ${at}/services`, `attachments ${at}/environments/*/attachments`],
      ...[`attachments ${at}/services`, `attachments ${at}/environments/*/attachments`],
      ...[`attachments ${at}/services`, `attachments ${at}/environments/*/routes`],
      `deployment ${at}/environments/*/deployments`,
    ])
    const last = await read(user)
    expect(last.steps.filter(({ state }) => state !== 'done').map(({ name }) => name)).toEqual(['deployment'])
  })

  it('leads to a deployment without what is optional, by what is next', async () => {
    const user = await newcomer()
    const taken: string[] = []
    for (let now = await read(user); now.next; now = await read(user)) {
      const { step, request } = now.next
      if (request.path.endsWith('/verify')) git.install(/ssh-ed25519 \S+/.exec(stepOf(now, step).message)![0])
      taken.push(step)
      if (step === 'server') await adopt(user)
      else if (step !== 'deployment') await make(user, step, request)
      else expect((await api.ask('POST', request.path, { token: user.token, body: request.body })).status).toBe(202)
    }
    expect(stepOf(await read(user), 'deployment')).toMatchObject({ state: 'in_progress', requests: [] })
    await provisioned(api)
    expect(taken).toEqual(['repository', 'deploy_key', 'deploy_key', 'server', 'environment', 'deployment'])
  })

  it('has a server adopted, too, where nobody sells one', async () => {
    const user = await newcomer()
    const [request, ...others] = stepOf(await read(user), 'server').requests
    expect([others, request?.yours]).toEqual([[], ['address', 'hostKeyFingerprint', 'firstLogin']])
    const at = { address: '127.0.0.1', sshPort: git.port, hostKeyFingerprint: keyFingerprint(git.hostKey) }
    await send(user, 'servers', { ...request!.body, ...at })
    const step = stepOf(await read(user), 'server')
    expect(step).toMatchObject({ state: 'in_progress', requests: [] })
    await provisioned(api)
  })

  it('asks for a registry before an environment on several servers is deployed', async () => {
    const user = await newcomer()
    const serverIds = [await adopt(user), await adopt(user)]
    const application = await send(user, 'applications', { name: 'shop', repositoryUrl: git.repositoryUrl, repositoryType: 'generic' })
    const environment = await send(user, `applications/${application.id}/environments`, { name: 'production', serverIds })
    await api.database.sql`update applications set deploy_key_installed_at = now() where id = ${application.id}`
    const before = await read(user)
    expect(stepOf(before, 'registry')).toMatchObject({ state: 'ready', isOptional: false, message: expect.stringContaining('it spans 2 servers') })
    expect(stepOf(before, 'deployment')).toMatchObject({ state: 'blocked', blockedBy: 'registry', requests: [] })
    expect(before.next).toMatchObject({ step: 'registry', request: { method: 'POST', path: `${user.root}/registries` } })
    await make(user, 'registry', before.next!.request)
    const chosen = await read(user)
    expect(chosen.next).toMatchObject({ step: 'registry', request: { method: 'PATCH', path: `${user.root}/environments/${environment.id}` } })
    await make(user, 'registry', chosen.next!.request)
    expect((await read(user)).next).toMatchObject({ step: 'deployment' })
  })

  it('gives an environment without a server one', async () => {
    const user = await newcomer()
    const application = await send(user, 'applications', { name: 'shop', repositoryUrl: git.repositoryUrl, repositoryType: 'generic' })
    await send(user, `applications/${application.id}/environments`, { name: 'production' })
    expect(stepOf(await read(user), 'environment')).toMatchObject({ state: 'blocked', blockedBy: 'server' })
    await adopt(user)
    const step = stepOf(await read(user), 'environment')
    expect(step).toMatchObject({ state: 'ready', requests: [{ method: 'PATCH' }] })
    await make(user, 'environment', step.requests[0]!)
    expect(stepOf(await read(user), 'environment').state).toBe('done')
  })

  it('is of the environment that is furthest along, or of the one that is named', async () => {
    const user = await newcomer()
    const application = await send(user, 'applications', { name: 'shop', repositoryUrl: git.repositoryUrl, repositoryType: 'generic' })
    const at = `applications/${application.id}/environments`
    const early = await send(user, at, { name: 'staging' })
    const far = await send(user, at, { name: 'production', serverIds: [await adopt(user)] })
    expect(await read(user)).toMatchObject({ applicationId: application.id, environmentId: far.id })
    expect(await read(user, `?environmentId=${early.id}`)).toMatchObject({ environmentId: early.id })
  })

  it('tells viewers, and nobody of another organisation', async () => {
    const user = await newcomer()
    const environment = await api.ask('GET', `${user.root}/onboarding`, { token: await api.tokenOf('viewer', { organisationId: user.root.split('/')[2] as never }) })
    expect(environment.status).toBe(200)
    const stranger = await newcomer()
    expect((await api.ask('GET', `${user.root}/onboarding`, { token: stranger.token })).status).toBe(404)
    const application = await send(user, 'applications', { name: 'shop', repositoryUrl: git.repositoryUrl, repositoryType: 'generic' })
    const { id } = await send(user, `applications/${application.id}/environments`, { name: 'production' })
    const { body } = await api.ask('GET', `${stranger.root}/onboarding?environmentId=${id}`, { token: stranger.token })
    expect(body).toMatchObject({ status: 404, code: 'environment_not_found' })
  })
})

async function send({ root, token }: Newcomer, what: string, body: object): Promise<{ id: string }> {
  const { status, body: made } = await api.ask<{ id: string }>('POST', `${root}/${what}`, { token, body })
  expect(status, JSON.stringify(made)).toBeLessThan(300)
  return made
}

/** One whose host key is confirmed, so that nobody connects to it. */
async function adopt({ root, token }: Newcomer): Promise<string> {
  const { status, body } = await api.ask<{ server: { id: string } }>('POST', `${root}/servers`, { token, body: serverWish({ privateAddress: freePrivateAddress() }) })
  expect(status, JSON.stringify(body)).toBeLessThan(300)
  await provisioned(api)
  await api.database.sql`update servers set status = 'active', architecture = 'amd64' where id = ${body.server.id}`
  return body.server.id
}
