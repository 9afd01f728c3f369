import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { docker, dockerHas } from './docker.ts'
import { ensureDocker, openLab, type Lab, type LabServer } from './index.ts'
import { mirrorContainer } from './mirror.ts'
import { run } from './run.ts'
import { sshArgv } from './ssh.ts'

const log = (line: string) => console.log(line)
const capSysTime = 1n << 25n

let lab: Lab
let server: LabServer

beforeAll(async () => {
  await ensureDocker({ log })
  lab = await openLab({ name: 'labtest', subnet: 90, log })
  server = await lab.server('s1', { preinstalled: true })
}, 1_800_000)

afterAll(() => lab.down())

describe('a server', () => {
  it('has booted, and lets root in by key under its pinned host key', async () => {
    expect(await server.exec(['systemctl', 'is-system-running'])).toBe('running')
    expect(await run(await sshArgv(server, ['id', '-un']))).toBe('root')
  })

  it('is refused under another host key', async () => {
    const { hostKey } = lab.gitHost
    await expect(run(await sshArgv({ ...server, hostKey }, ['true']))).rejects.toThrow('Host key verification failed')
  })

  it('stays the same one over a reboot, but for what lay in /run', async () => {
    await server.exec(['touch', '/run/before', '/root/before'])
    await server.reboot()
    expect(await server.exec(['find', '/run/before', '/root/before']).catch(String)).toContain('/run/before')
    expect(await server.exec(['ls', '/root'])).toBe('before')
    expect(await run(await sshArgv(server, ['id', '-un']))).toBe('root')
  })

  it('cannot move the clock of this machine', async () => {
    const status = await server.exec(['cat', '/proc/1/status'])
    const bounding = BigInt(`0x${/^CapBnd:\s+(\w+)$/m.exec(status)?.[1]}`)
    expect(bounding & capSysTime).toBe(0n)
  })

  it('hangs while it is paused', async () => {
    await server.pause()
    expect(await server.isReachable()).toBe(false)
    await server.unpause()
    expect(await server.isReachable()).toBe(true)
  })

  it('is the same one when it is opened again, and has neighbours with an identity of their own', async () => {
    const again = await lab.server('s1')
    expect(again.hostKey).toBe(server.hostKey)
    const plain = await lab.server('s2')
    expect(plain.hostKey).not.toBe(server.hostKey)
    expect(await plain.exec(['cat', '/etc/machine-id'])).not.toBe(await server.exec(['cat', '/etc/machine-id']))
    await expect(plain.exec(['docker', 'version'])).rejects.toThrow()
    await plain.exec(['ping', '-c1', '-W2', server.privateAddress])
    expect((await lab.servers()).map(({ name }) => name)).toEqual(['s1', 's2'])
    await plain.remove()
    expect((await lab.servers()).map(({ name }) => name)).toEqual(['s1'])
  })
})

describe('images', () => {
  it('come from the mirror under their names on Docker Hub', async () => {
    await server.exec(['docker', 'pull', '--quiet', 'caddy:2'])
    const digest = await server.exec(['docker', 'image', 'inspect', '--format', '{{index .RepoDigests 0}}', 'caddy:2'])
    expect(digest).toMatch(/^caddy@sha256:/)
  })

  it('go to the private registry after a login', async () => {
    const { host, username, password } = lab.registry
    const login = (input: string) => server.exec(['docker', 'login', '--username', username, '--password-stdin', host], { input })
    await expect(login('wrong')).rejects.toThrow('401 Unauthorized')
    await login(password)
    await server.exec(['docker', 'tag', 'caddy:2', `${host}/lab/caddy:2`])
    await server.exec(['docker', 'push', '--quiet', `${host}/lab/caddy:2`])
    const curl = ['curl', '--silent', '--fail', '--user', `${username}:${password}`]
    const catalog = await server.exec([...curl, `https://${host}/v2/_catalog`])
    expect(catalog).toContain('lab/caddy')
  })
})

describe('the git host', () => {
  const sshCommand = 'ssh -i /root/deploy-key -o UserKnownHostsFile=/root/known-git -o StrictHostKeyChecking=yes -o BatchMode=yes'
  const git = (...argv: string[]) => server.exec(['env', `GIT_SSH_COMMAND=${sshCommand}`, 'git', ...argv])

  beforeAll(async () => {
    const { hostKey, address } = lab.gitHost
    await server.exec(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', '/root/deploy-key'])
    await server.exec(['tee', '/root/known-git'], { input: `${address} ${hostKey}\n` })
  })

  it('lets a deploy key read its repository, not write it, and read no other', async () => {
    const visits = await lab.gitHost.createRepository('visits')
    const other = await lab.gitHost.createRepository('other')
    await expect(git('clone', visits.sshUrl, '/root/visits')).rejects.toThrow('Permission denied')
    await lab.gitHost.addDeployKey('visits', await server.exec(['cat', '/root/deploy-key.pub']))
    await git('clone', '--quiet', visits.sshUrl, '/root/visits')
    expect(await git('-C', '/root/visits', 'rev-parse', 'HEAD')).toBe(await lab.gitHost.head('visits', 'main'))
    await expect(git('-C', '/root/visits', 'push', 'origin', 'HEAD:refs/heads/mine')).rejects.toThrow('read only')
    await expect(git('clone', other.sshUrl, '/root/other')).rejects.toThrow('Repository not found')
  })

  it('makes the same commits each time', async () => {
    for (const branch of ['main', 'broken-build', 'broken-migration', 'unhealthy', 'slow-start']) {
      expect(await lab.gitHost.head('visits', branch)).toBe(await lab.gitHost.head('other', branch))
    }
  })

  it('takes a change on top of a branch, and on top of main for a new one', async () => {
    const before = await lab.gitHost.head('visits', 'main')
    const pushed = await lab.gitHost.pushCommit('visits', 'main', { files: { VERSION: '4\n', 'app/Models/Visit.php': null } })
    const feature = await lab.gitHost.pushCommit('visits', 'feature', { files: { VERSION: '5\n' }, message: 'Version 5' })
    await git('-C', '/root/visits', 'fetch', '--quiet', 'origin')
    const commits = await git('-C', '/root/visits', 'rev-list', 'origin/feature', '--max-count=3')
    expect(commits.split('\n')).toEqual([feature, pushed, before])
    expect(await git('-C', '/root/visits', 'diff', '--name-status', before, pushed)).toBe('M\tVERSION\nD\tapp/Models/Visit.php')
  })
})

it('leaves other labs and the mirror alone when it goes down', async () => {
  const beside = await openLab({ name: 'labtest-beside', subnet: 91, log })
  await beside.down()
  expect(await dockerHas('network', 'labtest-beside-public')).toBe(false)
  expect(await docker(['ps', '--quiet', '--all', '--filter', 'label=keystone.lab=labtest-beside'])).toBe('')
  expect(await server.isReachable()).toBe(true)
  expect(await dockerHas('container', mirrorContainer)).toBe(true)
})
