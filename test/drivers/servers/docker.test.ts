import { describe, expect, test } from 'vitest'
import { dockerSource, findDocker, installDocker } from '../../../drivers/servers/docker.ts'

/** What find-docker.sh says on a server, but for `others`. */
function found(others: Record<string, string>) {
  const names = ['id', 'codename', 'architecture', 'engine', 'compose', 'buildx', 'docker.io', 'docker-compose', 'docker-compose-v2', 'docker-buildx', 'docker-cli']
  const values: Record<string, string> = { id: 'debian', codename: 'trixie', architecture: 'amd64', ...others }
  return findDocker().parse(names.map((name) => `${name} ${values[name] ?? ''}\n`).join(''))
}

const trixie = { 'docker.io': '26.1.5+dfsg1-9+b12', 'docker-compose': '2.26.1-4', 'docker-buildx': '0.13.1+ds1-3', 'docker-cli': '26.1.5+dfsg1-9+b12' }
const bookworm = { codename: 'bookworm', 'docker.io': '20.10.24+dfsg1-1+deb12u1', 'docker-compose': '1.29.2-3' }
const noble = { id: 'ubuntu', codename: 'noble', 'docker.io': '28.2.2-0ubuntu1~24.04.1', 'docker-compose': '1.29.2-6ubuntu1', 'docker-compose-v2': '2.37.1+ds1-0ubuntu2~24.04.1', 'docker-buildx': '0.21.3-0ubuntu1~24.04.1' }
const dockers = ['docker-ce', 'docker-ce-cli', 'containerd.io', 'docker-buildx-plugin', 'docker-compose-plugin']

describe('Docker comes', () => {
  test.each([
    ['from Debian 13', trixie, ['docker.io', 'docker-cli', 'docker-compose', 'docker-buildx']],
    ['from Ubuntu 24.04 with its updates', noble, ['docker.io', 'docker-compose-v2', 'docker-buildx']],
  ])('%s itself', (_, there, packages) => {
    expect(dockerSource(found(there))).toEqual({ packages, repository: null })
  })

  test.each([
    ['Debian 12', bookworm, 'https://download.docker.com/linux/debian bookworm'],
    ['Debian 12 on arm64', { ...bookworm, architecture: 'arm64' }, 'https://download.docker.com/linux/debian bookworm'],
    ['Ubuntu 24.04 without its updates', { ...noble, 'docker.io': '24.0.7-0ubuntu4' }, 'https://download.docker.com/linux/ubuntu noble'],
    ['a Debian without Compose', { ...trixie, 'docker-compose': '(none)' }, 'https://download.docker.com/linux/debian trixie'],
    ['a server with an old one', { ...trixie, engine: '24.0.9', compose: 'v2.20.0', buildx: 'v0.11.2' }, 'https://download.docker.com/linux/debian trixie'],
  ])('from its makers for %s', (_, there, from) => {
    const architecture = 'architecture' in there ? there.architecture : 'amd64'
    const repository = `deb [arch=${architecture} signed-by=/etc/apt/keyrings/docker.asc] ${from} stable`
    expect(dockerSource(found(there))).toEqual({ packages: dockers, repository })
  })

  test.each([
    ['as it is', { engine: '27.5.1', compose: 'v2.32.4', buildx: 'v0.19.3' }],
    ['as it is, whatever its makers count by', { engine: '25.0.0-rc.1', compose: '2.24', buildx: '0.13.1+ds1-3' }],
  ])('%s where it is new enough', (_, there) => {
    expect(dockerSource(found({ ...trixie, ...there }))).toEqual({ packages: [], repository: null })
  })
})

test('settings, repository and its key are told to the script', () => {
  const { inputs } = installDocker(found(bookworm))
  expect(inputs).toMatchObject({
    REPOSITORY: 'deb [arch=amd64 signed-by=/etc/apt/keyrings/docker.asc] https://download.docker.com/linux/debian bookworm stable',
    REPOSITORY_KEY_URL: 'https://download.docker.com/linux/debian/gpg',
    REPOSITORY_KEY_FINGERPRINT: '9DC858229FC7DD38854AE2D88D81803C0EBFCD88',
    PACKAGES: dockers.join(' '),
  })
  expect(JSON.parse(inputs.DAEMON_SETTINGS ?? '')).toEqual({
    'default-address-pools': [{ base: '10.201.0.0/16', size: 24 }],
    'live-restore': true,
    'log-driver': 'json-file',
    'log-opts': { 'max-size': '10m', 'max-file': '3' },
  })
  expect(installDocker(found(noble)).inputs).toMatchObject({ REPOSITORY: '', PACKAGES: 'docker.io docker-compose-v2 docker-buildx' })
  expect(installDocker(found(trixie)).inputs).toMatchObject({ REPOSITORY: '', PACKAGES: 'docker.io docker-cli docker-compose docker-buildx' })
})
