import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { beginOperation } from '../../db/operations/begin.ts'
import { finishOperation, type Ending } from '../../db/operations/finish.ts'
import { notifyOperation } from '../../db/operations/notify.ts'
import { appendLog, endStep, startStep } from '../../db/operations/steps.ts'
import type { EnvironmentId, OperationId, ServerId } from '../../domain/ids.ts'
import { release } from '../db/rows.ts'
import { openGitHost, type GitHost } from '../api/git-host.ts'
import { makeEnvironment, makeReadableApplication, makeServer, provisioned } from '../api/scene.ts'
import { createTestApi, type TestApi } from '../api/test-api.ts'
import { until } from '../lab/until.ts'
import { type Asking, type Command, createCommand, type Running, serve, type Served } from './program.ts'

let api: TestApi
let host: GitHost
let served: Served
let command: Command
let serverId: ServerId
let environmentId: EnvironmentId
let application: string
let password: string

beforeAll(async () => {
  api = await createTestApi()
  host = await openGitHost()
  served = await serve(api)
  serverId = await makeServer(api)
  await api.database.sql`update servers set status = 'active', architecture = 'amd64', host_key = 'ssh-ed25519 AAAA' where id = ${serverId}`
  const applicationId = await makeReadableApplication(api, host)
  application = (await api.ask<{ name: string }>('GET', `${api.root}/applications/${applicationId}`)).body.name
  environmentId = await makeEnvironment(api, { applicationId, serverIds: [serverId] })
  password = 'correct horse battery staple'
  await api.ask('PUT', '/user/password', { body: { password } })
})
beforeEach(async () => {
  await provisioned(api)
  command = await createCommand()
})
afterAll(async () => {
  await served.close()
  await Promise.all([api.close(), host.close()])
})

/** As the owner, by environment variables as pipelines have them. */
const asOwner = (asking: Asking = {}): Asking => ({ ...asking, env: { KEYSTONE_URL: served.url, KEYSTONE_TOKEN: api.ownerToken, ...asking.env } })
const run = (words: string | string[], asking?: Asking) => command.run(words, asOwner(asking))

describe('login', () => {
  it('by password keeps a session until logout', async () => {
    const login = await command.run(`login --url ${served.url} --email owner@localhost`, { input: `${password}\n` })
    expect(login).toMatchObject({ code: 0, stdout: expect.stringContaining(`Logged in to ${served.url} as owner@localhost`), stderr: '' })
    expect(await command.run('whoami')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^owner@localhost at .*\n {2}owner of /) })
    expect(await command.run('logout')).toMatchObject({ code: 0, stdout: 'Logged out.\n' })
    expect(await command.run('whoami')).toMatchObject({ code: 2, stderr: expect.stringContaining('keystone login') })
  })

  it('by token reads it from standard input', async () => {
    expect(await command.run(`login --url ${served.url} --token`, { input: `${api.ownerToken}\n` })).toMatchObject({ code: 0 })
    expect(await command.run('whoami')).toMatchObject({ code: 0 })
  })

  it('is for one organisation, or the one that is chosen', async () => {
    const other = await api.anotherOrganisation()
    const token = { input: `${api.ownerToken}\n` }
    await command.run(`login --url ${served.url} --token`, token)
    expect(await command.run(`organisations use ${api.organisationId}`)).toMatchObject({ code: 0 })
    expect((await command.run('envs')).stdout).toContain(`${application}/production`)
    expect(await command.run(`envs --organisation ${other.id}`)).toMatchObject({ code: 1, stderr: expect.stringContaining('not_found)') })
    expect(await run('organisations use anything')).toMatchObject({ code: 2, stderr: expect.stringContaining('KEYSTONE_ORGANISATION') })
  })

  it('with a wrong password is refused with what the API says, and keeps nothing', async () => {
    const login = await command.run(`login --url ${served.url} --email owner@localhost`, { input: 'wrong\n' })
    expect(login).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('(login_failed)') })
    expect(await command.run('whoami')).toMatchObject({ code: 2 })
  })
})

describe('errors', () => {
  it('name the field, and with --json are what the API answers', async () => {
    const refused = await run(`deploy ${application}/production --commit nothing --json`)
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/\n {2}commit: /) })
    expect(JSON.parse(refused.stdout)).toMatchObject({ code: 'invalid_input', errors: [{ field: 'commit' }] })
  })

  it('tell a wrong command, a name that is not there and a Keystone that does not answer apart', async () => {
    expect(await run('nonsense')).toMatchObject({ code: 2 })
    expect(await run('plan nothing')).toMatchObject({ code: 2, stderr: expect.stringContaining(`  ${application}/production`) })
    expect(await run('whoami', { env: { KEYSTONE_URL: 'http://127.0.0.1:1' } })).toMatchObject({ code: 5 })
  })
})

describe('lists', () => {
  it('are tables, or exactly what the API answers', async () => {
    expect((await run('envs')).stdout).toMatch(new RegExp(`^name +branch +status +id\n${application}/production +main +new +${environmentId}\n$`))
    for (const [word, path] of [['servers', 'servers'], ['apps', 'applications'], ['envs', 'environments'], ['services', 'services']]) {
      const { body } = await api.ask('GET', `${api.root}/${path}`)
      expect(JSON.parse((await run(`${word} --json`)).stdout), word).toEqual(body)
    }
    expect((await run('services production')).stdout).toMatch(/^name +driver +status +replicas +id\nweb +laravel /)
  })

  it('have no colour where nobody looks', async () => {
    expect((await run('servers')).stdout).not.toContain('\x1b')
  })
})

describe('variables', () => {
  it('are set, pushed and pulled', async () => {
    expect(await run(`env set ${environmentId} MAIL_HOST=mail.example.com DSN=a=b`)).toMatchObject({ code: 0, stdout: expect.stringContaining('MAIL_HOST: set') })
    expect(await run(`env push production`, { input: 'MAIL_PASSWORD="with space"\n' })).toMatchObject({ code: 0 })
    expect(await run(`env pull ${application}/production`)).toMatchObject({ stdout: 'DSN="a=b"\nMAIL_HOST="mail.example.com"\nMAIL_PASSWORD="with space"\n' })
    expect(await run(`env set production DSN=c --unset MAIL_HOST --unset MAIL_PASSWORD`)).toMatchObject({ code: 0 })
    expect((await run('env pull production')).stdout).toBe('DSN="c"\n')
  })
})

describe('a deployment', () => {
  it('is requested, and followed by whoever wants to', async () => {
    const { code, stdout } = await run(`deploy ${application}/production --json`)
    const operation = JSON.parse(stdout)
    expect({ code, ...operation }).toMatchObject({ code: 0, kind: 'environment_deploy', targetId: environmentId })
    expect((await run('operations')).stdout).toContain(operation.id)
    expect(await run(`cancel ${operation.id}`)).toMatchObject({ code: 0 })
  })

  it('is shown before it is requested', async () => {
    const { body } = await api.ask('GET', `${api.root}/environments/${environmentId}/plan`)
    expect(JSON.parse((await run('plan production --json')).stdout)).toEqual(body)
    expect(await run('plan production')).toMatchObject({ stdout: expect.stringContaining('build    image of ') })
  })

  it('cannot be taken back before there was another', async () => {
    expect(await run('rollback production')).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('(no_earlier_release)') })
  })

  it('with --json prints nothing but itself when it has ended', async () => {
    const following = command.start(`deploy ${application}/production --follow --json`, asOwner())
    const operationId = await begun()
    await finishOperation(api.database.db, operationId, { status: 'succeeded', outcome: 'deployed' })
    const { code, stdout } = await following.ended
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual((await api.ask('GET', `${api.root}/operations/${operationId}`)).body)
  })

  it('is followed to its end, also when the connection is cut, with every line of output once', async () => {
    const following = command.start(`deploy ${application}/production --follow`, asOwner())
    const { operationId, stepId } = await worked(following, 'one\n')
    served.cut()
    await write(operationId, stepId, 4, 'two\n')
    await until('the rest to be shown', async () => following.stdout().includes('two\n'))
    await endStep(api.database.db, stepId, { status: 'succeeded', exitCode: 0 })
    await finishOperation(api.database.db, operationId, { status: 'succeeded', outcome: 'deployed' })
    const { code, stdout } = await following.ended
    const lines = stdout.split('\n').map((line) => line.replace(/\d+\.\d s$/, 'n s'))
    expect(lines).toEqual([
      ...['build on web …', '==> build on web <==', 'one', 'two', 'build on web: succeeded, n s'],
      ...[expect.stringMatching(/^deploy production of shop-.*: deployed after n s$/), ''],
    ].map((line) => (typeof line === 'string' ? line.replaceAll('web', serverName) : line)))
    expect(code).toBe(0)
    expect((await run(`logs ${operationId}`)).stdout).toBe(`==> build on ${serverName} <==\none\ntwo\n`)
  })

  it.each<[Ending, number]>([
    [{ status: 'failed', failure: { code: 'step_failed', message: 'The build failed.', hint: 'Look at it.' } }, 3],
    [{ status: 'cancelled' }, 4],
  ])('that has ended as %o is no success', async (ending, expected) => {
    const following = command.start(`deploy ${application}/production -f`, asOwner())
    const { operationId } = await worked(following, 'one\n')
    await finishOperation(api.database.db, operationId, ending)
    const { code, stderr } = await following.ended
    expect(code).toBe(expected)
    expect(stderr).toContain(ending.failure?.message ?? ': cancelled')
  })
})

let serverName: string

/** Does as a worker would until the command has shown it. */
async function worked(following: Running, text: string): Promise<{ operationId: OperationId; stepId: string }> {
  const { db } = api.database
  const operationId = await begun()
  const stepId = await startStep(db, { operationId, order: 1, name: 'build', serverId, user: 'keystone', script: '' })
  await write(operationId, stepId, 0, text)
  serverName = (await api.ask<{ name: string }>('GET', `${api.root}/servers/${serverId}`)).body.name
  await until('its output to be shown', async () => following.stdout().includes(text))
  return { operationId, stepId }
}

async function begun(): Promise<OperationId> {
  const pending = async () => (await api.ask<{ items: { id: OperationId }[] }>('GET', `${api.root}/operations?status=pending`)).body.items[0]?.id
  await until('the deployment to be requested', async () => (await pending()) !== undefined)
  const operationId = (await pending())!
  await beginOperation(api.database.db, operationId, 'run-1')
  return operationId
}

async function write(operationId: OperationId, stepId: string, rawOffset: number, text: string, stream: 'out' | 'err' = 'out'): Promise<void> {
  const bytes = Buffer.from(text)
  await appendLog(api.database.db, { stepId, run: 1, stream, rawOffset, rawLength: bytes.length, bytes })
  await notifyOperation(api.database.db, operationId)
}

describe('a command by hand', () => {
  it('is run as it is written, shows its output where it writes it, and ends as it does', async () => {
    const running = command.start(await runWords("say 'it is'", '--loud'), asOwner())
    const { operationId, stepId } = await commanded()
    await write(operationId, stepId, 0, "$ 'say'\none\n")
    await write(operationId, stepId, 0, 'oops\n', 'err')
    await endStep(api.database.db, stepId, { status: 'failed', exitCode: 3 })
    await finishOperation(api.database.db, operationId, { status: 'failed', failure: { code: 'step_failed', message: 'Failed.', exitCode: 7 } })
    expect(await running.ended).toEqual({ code: 7, stdout: 'one\n', stderr: 'oops\n' })
    expect((await api.ask('GET', `${api.root}/operations/${operationId}`)).body.input).toEqual({ command: ["say 'it is'", '--loud'] })
  })

  it('is a line for the shell where it is one word, of the service that is named, and not waited for with --detach', async () => {
    const [web] = await api.database.sql<{ id: string; name: string }[]>`select id, name from services where environment_id = ${environmentId}`
    const words = [...(await runWords('php artisan about | head')).slice(0, -2), '--service', web!.name, '--detach', '--json', '--', 'php artisan about | head']
    const { code, stdout } = await run(words)
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 0, input: { command: 'php artisan about | head', serviceId: web!.id } })
    expect(await run(['run', environmentId, '--service', 'nothing', '--', 'date'])).toMatchObject({ code: 2, stderr: expect.stringContaining(`There are: ${web!.name}`) })
  })

  it('is ended by Ctrl-C, and left to itself by the second', async () => {
    const running = command.start(await runWords('sleep', '1000'), asOwner())
    const { operationId } = await commanded()
    running.interrupt()
    await until('it to be ended', async () => running.stderr().includes('It is being ended'))
    expect((await api.ask('GET', `${api.root}/operations/${operationId}`)).body.cancelRequestedAt).not.toBeNull()
    const second = command.start(await runWords('date'), asOwner())
    await until('that it waits to be said', async () => second.stderr().includes('It waits until'))
    await finishOperation(api.database.db, operationId, { status: 'cancelled' })
    expect(await running.ended).toMatchObject({ code: 4, stderr: expect.stringContaining(': cancelled') })
    await commanded()
    second.interrupt()
    await until('it to be ended', async () => second.stderr().includes('It is being ended'))
    second.interrupt()
    expect(await second.ended).toMatchObject({ code: null })
  })

  it('is requested once, though the answer was lost', async () => {
    served.loseAnswer()
    const words = await runWords('date')
    const { code, stdout, stderr } = await run([...words.slice(0, 2), '--detach', '--json', ...words.slice(2)])
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('Asking once more') })
    const { items } = (await api.ask<{ items: { id: string }[] }>('GET', `${api.root}/operations?status=pending`)).body
    expect(items.map(({ id }) => id)).toEqual([JSON.parse(stdout).id])
  })
})

/** With a release that is live. */
async function runWords(...words: string[]): Promise<string[]> {
  await (liveRelease ??= release(api.database.db, environmentId))
  return ['run', environmentId, '--', ...words]
}

let liveRelease: ReturnType<typeof release> | undefined

/** Begins the command as a worker would. */
async function commanded(): Promise<{ operationId: OperationId; stepId: string }> {
  const operationId = await begun()
  const stepId = await startStep(api.database.db, { operationId, order: 1, name: 'command', serverId, user: 'keystone', script: '' })
  await notifyOperation(api.database.db, operationId)
  return { operationId, stepId }
}

describe('completion', () => {
  it('proposes commands, flags and environments', async () => {
    expect((await run('__complete dep')).stdout).toBe('deploy-key\ndeploy\n')
    expect((await run(`__complete plan ${application.slice(0, 6)}`)).stdout).toBe(`${application}/production\n`)
    expect((await run('__complete deploy --fo')).stdout).toBe('--follow\n')
    expect((await run('completion bash')).stdout).toContain('complete -o default -F _keystone keystone')
  })
})
