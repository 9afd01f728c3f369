import type { ServiceStep } from '../services/contract-step.ts'
import { textBeside } from '../services/scripts.ts'
import { serverStep } from './server-step.ts'

const findScript = textBeside(import.meta.url, 'find-docker.sh')
const installScript = textBeside(import.meta.url, 'install-docker.sh')

/** Docker Engine ≥ 25 for `start_interval` of health checks, Compose ≥ 2.24 for raw `.env` files (design section 6). */
export const minimum = { docker: '25', compose: '2.24' }

/** A network of its own per data service: small pools, so that they neither run out near 31 nor overlap the private network. */
const daemonSettings = {
  'default-address-pools': [{ base: '10.201.0.0/16', size: 24 }],
  'live-restore': true,
  'log-driver': 'json-file',
  'log-opts': { 'max-size': '10m', 'max-file': '3' },
}

/** Versions by the names of find-docker.sh; empty or `(none)` where there is none. */
export type DockerFound = Readonly<Record<string, string>>

/** Looks which Docker there is, and which the distribution has. */
export const findDocker = (): ServiceStep<DockerFound> => ({
  ...serverStep('find Docker', findScript),
  parse: (result) => Object.fromEntries(result.trim().split('\n').map((line) => [line.split(' ')[0] ?? '', line.split(' ').slice(1).join(' ')])),
})

/** Where Docker comes from. `repository`: a line of sources.list(5), null for the distribution's own. */
export interface DockerSource {
  packages: readonly string[]
  repository: string | null
}

/** The names that distributions give to Compose. */
const composePackages = ['docker-compose-v2', 'docker-compose']
/** Debian has the client apart since 13; elsewhere it is in docker.io. */
const clientPackage = 'docker-cli'

/**
 * What is there and new enough stays; else the distribution's own where that is new enough, for its security updates come with all
 * others; else Docker's. All of Docker is from one place.
 */
export function dockerSource(found: DockerFound): DockerSource {
  const is = (name: string, least: string) => isAtLeast(found[name] ?? '', least)
  const has = (name: string) => is(name, '0')
  if (is('engine', minimum.docker) && is('compose', minimum.compose) && has('buildx')) return { packages: [], repository: null }
  const compose = composePackages.find((name) => is(name, minimum.compose))
  if (!has('engine') && is('docker.io', minimum.docker) && compose && has('docker-buildx')) {
    return { packages: ['docker.io', ...(has(clientPackage) ? [clientPackage] : []), compose, 'docker-buildx'], repository: null }
  }
  return {
    packages: ['docker-ce', 'docker-ce-cli', 'containerd.io', 'docker-buildx-plugin', 'docker-compose-plugin'],
    repository: `deb [arch=${found.architecture} signed-by=/etc/apt/keyrings/docker.asc] ${repositoryOf(found)} ${found.codename} stable`,
  }
}

const repositoryOf = ({ id }: DockerFound): string => `https://download.docker.com/linux/${id}`
const repositoryKeyFingerprint = '9DC858229FC7DD38854AE2D88D81803C0EBFCD88'

/** Of a package's version, such as `5:27.1-1~bookworm`, what its makers call it; of none, and of `(none)`, false. */
function isAtLeast(version: string, least: string): boolean {
  const numbers = /^(?:\d+:)?v?(\d+(?:\.\d+)*)/.exec(version)?.[1]?.split('.').map(Number)
  if (!numbers) return false
  const difference = least.split('.').map((part, index) => (numbers[index] ?? 0) - Number(part)).find((one) => one !== 0)
  return (difference ?? 0) >= 0
}

/** Installs Docker from its source and gives it Keystone's settings, among those that it has. */
export function installDocker(found: DockerFound): ServiceStep<void> {
  const { packages, repository } = dockerSource(found)
  return serverStep('install Docker', installScript, {
    PACKAGES: packages.join(' '),
    DAEMON_SETTINGS: JSON.stringify(daemonSettings),
    REPOSITORY: repository ?? '',
    REPOSITORY_KEY_URL: `${repositoryOf(found)}/gpg`,
    REPOSITORY_KEY_FINGERPRINT: repositoryKeyFingerprint,
  })
}
