import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createCommand } from '../cli/program.ts'
import type { Lab } from '../lab/index.ts'
import { until } from '../lab/until.ts'
import { startKeystone, type TestKeystone } from './keystone.ts'
import { openSceneLab, subnets } from './scene.ts'

const root = new URL('../..', import.meta.url).pathname

let lab: Lab
let keystone: TestKeystone

beforeAll(async () => {
  lab = await openSceneLab('readme')
  keystone = await startKeystone({ dockerHubMirror: lab.mirror.url })
}, 1_800_000)

afterAll(async () => {
  await keystone.stop()
  await lab.down()
})

/** The commands of a section, as they stand there. */
async function commandsOf(section: string): Promise<string> {
  const readme = await readFile(join(root, 'README.md'), 'utf8')
  const [, text = ''] = readme.split(`\n## ${section}\n`)
  const [own = ''] = text.split('\n## ')
  return own.split('\n').filter((line) => line.startsWith('    ')).map((line) => line.slice(4)).join('\n')
}

interface Said {
  code: number
  stdout: string
  stderr: string
}

/** In a shell that ends at the first command that fails. */
async function typed(commands: string): Promise<Said> {
  const home = await mkdtemp(join(tmpdir(), 'keystone-newcomer-'))
  const labEnv = { KEYSTONE_LAB_NAME: lab.name, KEYSTONE_LAB_SUBNET: String(subnets.readme) }
  const env = { ...process.env, ...labEnv, XDG_CONFIG_HOME: home, KEYSTONE_URL: keystone.apiUrl }
  const shell = spawn('bash', ['-euo', 'pipefail', '-c', commands], { cwd: root, env })
  shell.stdin.end(`${keystone.secrets.ownerToken}\n`)
  let [stdout, stderr] = ['', '']
  shell.stdout.on('data', (bytes: Buffer) => (stdout += bytes.toString()))
  shell.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()))
  const [code] = await once(shell, 'close')
  return { code, stdout, stderr }
}

it('a newcomer who types what the README says has an application that answers', { timeout: 1_800_000 }, async () => {
  const { code, stdout, stderr } = await typed(await commandsOf('Deploy from the command line'))
  expect(code, `${stdout.slice(-4000)}\n${stderr.slice(-4000)}`).toBe(0)
  const head = await lab.gitHost.head('visits', 'main')
  expect(stdout).toContain(`commit ${head}`)
  expect(stdout).toMatch(/^deploy production of visits.*: deployed after /m)
  expect(stdout).toMatch(/^\S+Z web \w{6}@server-1 [|!] /m)
  expect(stdout).toMatch(/^Laravel Framework \d/m)
})

it('who follows the logs sees the next deployment too, and leaves nothing on the server', { timeout: 900_000 }, async () => {
  const { command, asking, server } = await newcomer()
  const following = command.start('logs visits/production --follow --service web', asking)
  const replicas = () => new Set([...following.stdout().matchAll(/^\S+Z web (\w{6})@server-1 /gm)].map(([, replica]) => replica))
  await until('what is there to be shown', async () => replicas().size === 1)
  await lab.gitHost.pushCommit('visits', 'main', { files: { 'public/next.txt': 'next' } })
  expect(await command.run('deploy visits/production --follow', asking)).toMatchObject({ code: 0 })
  await until('the new replica to be among it', async () => replicas().size === 2)
  following.interrupt()
  await following.ended
  await until('nothing of it to run on the server', async () => (await server.exec(['sh', '-c', 'pgrep -f "docker (logs|events)" || true'])) === '')
})

it('a command by hand tells its output and its exit code, and Ctrl-C ends it where it runs', { timeout: 900_000 }, async () => {
  const { command, asking, server } = await newcomer()
  const said = await command.run(['run', 'visits/production', '--', 'sh', '-c', 'echo one\necho two >&2\nexit 7'], asking)
  // The image says first, on standard error, that it warms Laravel's caches.
  expect(said).toEqual({ code: 7, stdout: 'one\n', stderr: expect.stringMatching(/^two\n$/m) })
  const sleeping = command.start('run visits/production -- sleep 600', asking)
  const oneOffs = () => server.exec(['docker', 'ps', '--quiet', '--filter', 'label=keystone.oneoff'])
  await until('it to run', async () => (await oneOffs()) !== '')
  sleeping.interrupt()
  expect(await sleeping.ended).toMatchObject({ code: 4, stderr: expect.stringContaining('It is being ended') })
  expect(await oneOffs()).toBe('')
})

async function newcomer() {
  const [server] = await lab.servers()
  const asking = { env: { KEYSTONE_URL: keystone.apiUrl, KEYSTONE_TOKEN: keystone.secrets.ownerToken } }
  return { command: await createCommand(), asking, server: server! }
}
