import { docker, dockerHas } from './docker.ts'
import { fastImport, type Commit, type FileChanges } from './fast-import.ts'
import { imageTag } from './images.ts'
import { locked } from './lock.ts'
import type { LabPlan } from './network.ts'
import { speaksSsh } from './probe.ts'
import { succeeds } from './run.ts'
import { sampleHistory } from './sample-app.ts'
import { until } from './until.ts'

/** A git host as deploy keys meet it: user git over SSH, a key reads one repository. */
export interface GitHost {
  address: string
  /** `ssh-ed25519 AAAA…` */
  hostKey: string
  /** Has a repository with the sample application's branches; one that is there stays as it is. */
  createRepository(name: string): Promise<{ sshUrl: string; hostKey: string }>
  /** Lets an OpenSSH public key read this repository and no other. */
  addDeployKey(repository: string, publicKey: string): Promise<void>
  /** A commit on top of the branch, or on top of main where the branch is new. Returns its sha. */
  pushCommit(repository: string, branch: string, change: { files: FileChanges; message?: string }): Promise<string>
  /** The sha that the branch is at. */
  head(repository: string, branch: string): Promise<string>
}

export async function openGitHost(plan: LabPlan): Promise<GitHost> {
  const container = `${plan.name}-git`
  const address = plan.gitHostAddress
  await startGitHost(plan, container)
  const hostKey = (await docker(['exec', container, 'cut', '-d ', '-f1,2', '/etc/ssh/ssh_host_ed25519_key.pub'])).trim()

  const asGit = (argv: readonly string[], input?: string | Uint8Array) => docker(['exec', '--interactive', '--user', 'git', container, ...argv], { input })
  const git = (repository: string, argv: readonly string[], input?: Uint8Array) => asGit(['git', '--git-dir', gitDirectory(repository), ...argv], input)
  const importCommits = (repository: string, commits: readonly Commit[]) => git(repository, ['fast-import', '--quiet'], fastImport(commits))
  const hasBranch = (repository: string, branch: string) =>
    succeeds(['docker', 'exec', '--user', 'git', container, 'git', '--git-dir', gitDirectory(repository), 'rev-parse', '--verify', `refs/heads/${branch}`])
  const head = (repository: string, branch: string) => git(repository, ['rev-parse', '--verify', `refs/heads/${branch}`])

  return {
    address,
    hostKey,
    head,
    async createRepository(name) {
      await locked(`lab-${container}-${name}`, async () => {
        if (await hasBranch(name, 'main')) return
        await asGit(['git', 'init', '--quiet', '--bare', '--initial-branch', 'main', gitDirectory(name)])
        await importCommits(name, await sampleHistory())
      })
      return { sshUrl: `ssh://git@${address}/${name}.git`, hostKey }
    },
    async addDeployKey(repository, publicKey) {
      const [type, key] = publicKey.trim().split(/\s+/)
      await asGit(['tee', '--append', '/home/git/.ssh/authorized_keys'], `command="serve ${repository}",restrict ${type} ${key}\n`)
    },
    async pushCommit(repository, branch, { files, message = `A change of ${Object.keys(files).join(', ')}` }) {
      const from = await head(repository, (await hasBranch(repository, branch)) ? branch : 'main')
      await importCommits(repository, [{ branch, message, files, from, date: new Date() }])
      return head(repository, branch)
    },
  }
}

const gitDirectory = (repository: string) => `/home/git/repositories/${repository}.git`

async function startGitHost(plan: LabPlan, container: string): Promise<void> {
  const place = ['--network', plan.publicNetwork, '--ip', plan.gitHostAddress]
  const kept = ['--name', container, '--label', plan.label, '--hostname', 'git', '--restart', 'unless-stopped']
  if (await dockerHas('container', container)) await docker(['start', container])
  else await docker(['run', '--detach', ...kept, ...place, imageTag('githost')])
  await until(`sshd of ${container}`, () => speaksSsh(plan.gitHostAddress))
}
