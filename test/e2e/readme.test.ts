import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Lab } from '../lab/index.ts'
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
