import { spawnSync } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { keyFingerprint } from '../../drivers/sources/known-hosts.ts'
import { ensureDocker } from './ensure-docker.ts'
import { openLab, removeLab, removeServers } from './lab.ts'
import { planLab } from './network.ts'
import type { LabServer } from './server.ts'
import { rootKeyFile } from './root-key.ts'
import { openServers } from './servers.ts'
import { commandLineLab } from './settings.ts'
import { sshArgv } from './ssh.ts'

const usage = 'npm run lab -- up [N] | list | env | deploy-key | ssh NAME [COMMAND…] | down [servers]'
const log = (line: string) => console.error(line)
const existing = () => openServers(planLab(commandLineLab.name, commandLineLab.subnet))

/** The repository that is there from the beginning. */
const repository = 'visits'

async function up(count = '1'): Promise<void> {
  await ensureDocker({ log })
  const lab = await openLab({ ...commandLineLab, log })
  const numbers = Array.from({ length: Number(count) }, (_, index) => index + 1)
  await Promise.all(numbers.map((number) => lab.server(`s${number}`)))
  const { sshUrl, hostKey } = await lab.gitHost.createRepository(repository)
  print(await lab.servers())
  const { host, username, password } = lab.registry
  console.log(`repository ${sshUrl} (${hostKey})\nregistry   ${host}, ${username}, ${password}`)
}

/** What a client of Keystone has to know of the first server and the repository, for a shell's `eval`. */
async function env(): Promise<void> {
  const lab = await openLab({ ...commandLineLab, log })
  const [server] = await lab.servers()
  if (!server) return refuse('there is no server: npm run lab -- up', 1)
  const { sshUrl, hostKey } = await lab.gitHost.createRepository(repository)
  console.log(`export LAB_SERVER=${server.address} LAB_FINGERPRINT=${keyFingerprint(server.hostKey)} LAB_ROOT_KEY='${rootKeyFile}'`)
  console.log(`export LAB_REPOSITORY=${sshUrl} LAB_GIT_HOST_KEY='${hostKey}'`)
}

/** Lets the public key on standard input read the repository. */
async function deployKey(): Promise<void> {
  const lab = await openLab({ ...commandLineLab, log })
  await lab.gitHost.addDeployKey(repository, await text(process.stdin))
}

function print(servers: readonly LabServer[]): void {
  for (const { name, address, privateAddress, hostKey } of servers) {
    console.log([name.padEnd(10), address, privateAddress, hostKey].join(' '))
  }
}

async function ssh(name: string, ...command: string[]): Promise<void> {
  const server = (await existing()).find((each) => each.name === name)
  if (!server) return refuse(`no server ${name}: see npm run lab -- list`, 1)
  const [program = '', ...argv] = await sshArgv(server, command)
  process.exitCode = spawnSync(program, argv, { stdio: 'inherit' }).status ?? 1
}

function refuse(why: string, exitCode: number): void {
  log(why)
  process.exitCode = exitCode
}

const [command, ...words] = process.argv.slice(2)
const [first] = words

if (command === 'up') await up(first)
else if (command === 'list') print(await existing())
else if (command === 'env') await env()
else if (command === 'deploy-key') await deployKey()
else if (command === 'ssh' && first) await ssh(first, ...words.slice(1))
else if (command === 'down') await (first === 'servers' ? removeServers : removeLab)(commandLineLab.name)
else refuse(usage, 2)
