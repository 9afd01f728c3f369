import { existsSync } from 'node:fs'
import { locked } from './lock.ts'
import { run, succeeds } from './run.ts'

/** Programs of this machine, each with the Debian package that brings it. */
export type Programs = Readonly<Record<string, string>>

interface Log {
  log: (line: string) => void
}

/** Has programs installed. What is missing is installed where this is root's Debian, otherwise the error names it. */
export async function ensurePrograms(programs: Programs, { log }: Log): Promise<void> {
  if ((await missingPackages(programs)).length === 0) return
  await locked('apt', async () => installPackages(await missingPackages(programs), { log }))
}

/** Packages of which a program is not there. */
export async function missingPackages(programs: Programs): Promise<string[]> {
  const missing = new Set<string>()
  for (const [program, from] of Object.entries(programs)) {
    if (!(await isInstalled(program))) missing.add(from)
  }
  return [...missing]
}

export const isInstalled = (program: string) => succeeds(['sh', '-c', 'command -v "$1"', '-', program])

export async function installPackages(missing: readonly string[], { log }: Log): Promise<void> {
  if (missing.length === 0) return
  const mayInstall = isRoot() && existsSync('/etc/debian_version')
  if (!mayInstall) throw new Error(`the lab needs ${missing.join(', ')}: install it, or run as root on Debian`)
  log(`apt: installing ${missing.join(', ')}`)
  await run(['apt-get', 'update', '--quiet'])
  const found = await Promise.all(missing.map(asThisSuiteHasIt))
  await run(['apt-get', 'install', '--yes', '--quiet', ...found], { env: { DEBIAN_FRONTEND: 'noninteractive' } })
}

/** The Docker client has been a package of its own since Debian 13. */
async function asThisSuiteHasIt(name: string): Promise<string> {
  if (name !== 'docker-cli' || (await succeeds(['apt-cache', 'show', name]))) return name
  return 'docker.io'
}

export const isRoot = () => process.getuid?.() === 0
