import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { EnvironmentId } from '../../domain/ids.ts'
import { keyFingerprint } from '../../drivers/sources/known-hosts.ts'
import { openGitHost, type GitHost } from '../api/git-host.ts'
import { provisioned, rootPrivateKey } from '../api/scene.ts'
import { createTestApi, type TestApi } from '../api/test-api.ts'
import { release } from '../db/rows.ts'
import { until } from '../lab/until.ts'
import { type Command, createCommand, serve, type Served } from './program.ts'

const root = new URL('../..', import.meta.url).pathname

let api: TestApi
let git: GitHost
let served: Served
let command: Command
let token: string

beforeAll(async () => {
  api = await createTestApi()
  git = await openGitHost()
  served = await serve(api)
  command = await createCommand()
  token = (await api.anotherOrganisation()).token
})
afterAll(async () => {
  await served.close()
  await Promise.all([git.close(), api.close()])
})

const asked = () => ({ env: { KEYSTONE_URL: served.url, KEYSTONE_TOKEN: token } })
const init = (...words: string[]) => command.run(['init', ...words], asked())
const next = async () => /^Next: (.*)$/m.exec((await init()).stdout)?.[1]

/** Has the operation that a step waits for do what it would. */
async function step(...words: string[]) {
  const running = command.start(['init', ...words], asked())
  await until('it to be requested', async () => (await api.database.sql`select 1 from operations where finished_at is null`).length > 0)
  await api.database.sql`update servers set status = 'active', architecture = 'amd64' where status = 'new'`
  await provisioned(api)
  await api.database.sql`select pg_notify('keystone_operation', id::text) from operations`
  return running.ended
}

it('goes from nothing to a deployment by the commands that it tells, with an exit code that says whether it is there', { timeout: 300_000 }, async () => {
  expect(await init()).toMatchObject({ code: 6, stdout: expect.stringContaining('○ repository    Name the repository') })
  expect(await next()).toBe('keystone init repository name=shop repositoryUrl=git@github.com:team/shop.git repositoryType=github defaultBranch=main')
  expect(await init('repository', 'name=shop')).toMatchObject({ code: 2, stderr: 'Only you know these: repositoryUrl=… repositoryType=… defaultBranch=…\n' })
  await init('repository', 'name=shop', `repositoryUrl=${git.repositoryUrl}`, 'repositoryType=generic', 'defaultBranch=main')
  expect(await next()).toMatch(/^keystone init deploy_key key='ssh-ed25519 A+/)
  await init('deploy_key', `key=${git.hostKey}`)
  expect(await next()).toBe('keystone init deploy_key')
  expect(await init('deploy-key')).toMatchObject({ code: 1, stderr: expect.stringContaining('deploy') })
  git.install((await command.run('deploy-key shop', asked())).stdout)
  expect(await init('deploy-key')).toMatchObject({ code: 0 })
  expect(await next()).toMatch(/^keystone init server address=203.0.113.10 hostKeyFingerprint=SHA256:A+ firstLogin.user=root firstLogin.password=@FILE$/)
  const key = join(await mkdtemp(join(tmpdir(), 'keystone-init-')), 'key')
  await writeFile(key, rootPrivateKey)
  expect(await init('server', 'address=127.0.0.1', 'firstLogin.privateKey=@/nowhere')).toMatchObject({ code: 2, stderr: '/nowhere cannot be read.\n' })
  const server = ['address=127.0.0.1', `sshPort:=${git.port}`, `hostKeyFingerprint=${keyFingerprint(git.hostKey)}`, `firstLogin.privateKey=@${key}`]
  expect(await step('server', ...server)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^provision server-1.*: succeeded/m) })
  expect(await next()).toBe('keystone init environment')
  await init('environment')
  expect((await init()).stdout).toMatch(/^Next: keystone init deployment\nOr:\n(.*\n)*? {2}keystone init attachments$/m)
  for (const _ of ['a database service', 'its database', 'a cache service']) await step('attachments')
  expect(await step('attachments')).toMatchObject({ code: 0, stderr: expect.stringMatching(/^Set, as is recommended with it: .*CACHE_STORE/) })
  expect((await command.run('env pull production', asked())).stdout).toContain('CACHE_STORE="redis"')
  await step('deployment')
  const [environment] = await api.database.sql<{ id: EnvironmentId }[]>`select id from environments`
  await release(api.database.db, environment!.id)
  await provisioned(api)
  expect(await init()).toMatchObject({ code: 0, stdout: expect.stringContaining('✔ deployment') })
  expect(JSON.parse((await init('--json')).stdout)).toMatchObject({ isComplete: true })
})

it('knows the steps, and what is done already', async () => {
  expect(await init('nonsense')).toMatchObject({ code: 2, stderr: expect.stringContaining('There are: organisation, provider, repository') })
  expect(await init('repository')).toMatchObject({ code: 2, stderr: 'repository is done: shop is the application.\n' })
})

it('asks at a terminal what only the user knows, tells what is refused, and can be left', { timeout: 120_000, skip: process.platform !== 'linux' }, async () => {
  const newcomer = await api.anotherOrganisation()
  const person = atTerminal(['init'], { KEYSTONE_URL: served.url, KEYSTONE_TOKEN: newcomer.token })
  await person.answers('Leave it out', '\x1b[B\r')
  await person.answers('Stop here', '\r')
  for (const [field, value] of [['name', 'Not a name'], ['repositoryUrl', git.repositoryUrl], ['repositoryType', 'generic'], ['defaultBranch', 'main']]) {
    await person.answers(field!, `${value}\r`)
  }
  await person.answers('name: must be', '')
  await person.answers('Stop here', '\r')
  for (const [field, value] of [['name', 'shop'], ['repositoryUrl', git.repositoryUrl], ['repositoryType', 'generic'], ['defaultBranch', 'main']]) {
    await person.answers(field!, `${value}\r`)
  }
  await person.answers('Confirm the host key', '')
  await person.answers('Stop here', '\x03')
  expect(await person.left).toBe(130)
  const { body } = await api.ask<{ items: { name: string }[] }>('GET', `${newcomer.root}/applications`, { token: newcomer.token })
  expect(body.items.map(({ name }) => name)).toEqual(['shop'])
})

/** The program as a person has it, who waits for a text before he types. */
function atTerminal(words: string[], env: Record<string, string>) {
  const { PATH = '' } = process.env
  const line = ['stty cols 100 rows 40; exec', process.execPath, '--import', 'tsx', 'cli/keystone.ts', ...words].join(' ')
  const child = spawn('script', ['--quiet', '--flush', '--return', '--command', line, '/dev/null'], { cwd: root, env: { PATH, TERM: 'xterm', ...env } })
  let seen = ''
  child.stdout.on('data', (bytes: Buffer) => (seen += stripVTControlCharacters(bytes.toString())))
  return {
    async answers(text: string, keys: string) {
      await until(`${text} to be shown`, async () => seen.includes(text), 30).catch((error: unknown) => Promise.reject(new Error(`${String(error)}; it showed:\n${seen}`)))
      seen = seen.slice(seen.indexOf(text) + text.length)
      child.stdin.write(keys)
    },
    left: once(child, 'exit').then(([code]) => Number(code)),
  }
}
