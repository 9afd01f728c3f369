import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { installPackages, isInstalled, isRoot, missingPackages } from './ensure-programs.ts'
import { locked } from './lock.ts'
import { run, succeeds } from './run.ts'
import { stateFolder } from './settings.ts'
import { until } from './until.ts'

/** The programs that the lab runs on this machine, each with the Debian package that brings it. */
const packages = {
  docker: 'docker-cli',
  debootstrap: 'debootstrap',
  iptables: 'iptables',
  ssh: 'openssh-client',
  'ssh-keygen': 'openssh-client',
  openssl: 'openssl',
} as const

/** Where dockerd says what it does, when the lab has started it. */
const dockerLog = join(stateFolder, 'dockerd.log')

/**
 * Has a Docker daemon answer, and the lab's programs installed. What is missing is installed and started where this is root's
 * Debian, otherwise the error names it.
 */
export async function ensureDocker({ log }: { log: (line: string) => void }): Promise<void> {
  if ((await missingParts()).length === 0 && (await daemonAnswers())) return
  await locked('docker', async () => {
    await installPackages(await missingParts(), { log })
    if (!(await daemonAnswers())) await startDaemon(log)
  })
}

async function missingParts(): Promise<string[]> {
  const missing = await missingPackages(packages)
  const isDaemonMissing = !(await daemonAnswers()) && !(await isInstalled('dockerd'))
  return isDaemonMissing ? [...missing, 'docker.io'] : missing
}

async function startDaemon(log: (line: string) => void): Promise<void> {
  if (!isRoot()) throw new Error('no Docker daemon answers this user: start it, or add the user to the group docker')
  log(`docker: starting its daemon, which logs to ${dockerLog}`)
  if (existsSync('/run/systemd/system')) await run(['systemctl', 'start', 'docker'])
  else await startDetached()
  await until(`the Docker daemon (see ${dockerLog})`, daemonAnswers)
}

/** It outlives this process, as servers of the lab are meant to. */
async function startDetached(): Promise<void> {
  await mkdir(stateFolder, { recursive: true, mode: 0o700 })
  const file = await open(dockerLog, 'a', 0o600)
  spawn('dockerd', { detached: true, stdio: ['ignore', file.fd, file.fd] }).unref()
  await file.close()
}

const daemonAnswers = () => succeeds(['docker', 'version'], { timeoutSeconds: 10 })
