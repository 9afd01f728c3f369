import { spawnSync } from 'node:child_process'
import { ensureDocker } from './ensure-docker.ts'
import { openLab, removeLab, removeServers } from './lab.ts'
import { planLab } from './network.ts'
import type { LabServer } from './server.ts'
import { openServers } from './servers.ts'
import { commandLineLab } from './settings.ts'
import { sshArgv } from './ssh.ts'

const usage = 'npm run lab -- up [N] | list | ssh NAME [COMMAND…] | down [servers]'
const log = (line: string) => console.error(line)
const existing = () => openServers(planLab(commandLineLab.name, commandLineLab.subnet))

async function up(count = '1'): Promise<void> {
  await ensureDocker({ log })
  const lab = await openLab({ ...commandLineLab, log })
  const numbers = Array.from({ length: Number(count) }, (_, index) => index + 1)
  await Promise.all(numbers.map((number) => lab.server(`s${number}`)))
  const { sshUrl, hostKey } = await lab.gitHost.createRepository('visits')
  print(await lab.servers())
  const { host, username, password } = lab.registry
  console.log(`repository ${sshUrl} (${hostKey})\nregistry   ${host}, ${username}, ${password}`)
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
else if (command === 'ssh' && first) await ssh(first, ...words.slice(1))
else if (command === 'down') await (first === 'servers' ? removeServers : removeLab)(commandLineLab.name)
else refuse(usage, 2)
