import { docker, dockerHas } from './docker.ts'
import type { FileChanges } from './fast-import.ts'
import { gitRepository } from './git-repository.ts'
import { imageTag } from './images.ts'
import { locked } from './lock.ts'
import type { LabPlan } from './network.ts'
import { speaksSsh } from './probe.ts'
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

  const repository = (name: string) => gitRepository(container, name)

  return {
    address,
    hostKey,
    head: (name, branch) => repository(name).head(branch),
    async createRepository(name) {
      const { init, has, add } = repository(name)
      await locked(`git-${container}`, async () => {
        await init()
        if (!(await has('main'))) await add(await sampleHistory())
      })
      return { sshUrl: `ssh://git@${address}/${name}.git`, hostKey }
    },
    async addDeployKey(name, publicKey) {
      const [type, key] = publicKey.trim().split(/\s+/)
      const line = `command="serve ${name}",restrict ${type} ${key}\n`
      await docker(['exec', '--interactive', '--user', 'git', container, 'tee', '--append', authorizedKeys], { input: line })
    },
    async pushCommit(name, branch, { files, message = `A change of ${Object.keys(files).join(', ')}` }) {
      const { has, head, add } = repository(name)
      const from = await head((await has(branch)) ? branch : 'main')
      await add([{ branch, message, files, from, date: new Date() }])
      return head(branch)
    },
  }
}

const authorizedKeys = '/home/git/.ssh/authorized_keys'

async function startGitHost(plan: LabPlan, container: string): Promise<void> {
  const place = ['--network', plan.publicNetwork, '--ip', plan.gitHostAddress]
  const kept = ['--name', container, '--label', plan.label, '--hostname', 'git', '--restart', 'unless-stopped']
  if (await dockerHas('container', container)) await docker(['start', container])
  else await docker(['run', '--detach', ...kept, ...place, imageTag('githost')])
  await until(`sshd of ${container}`, () => speaksSsh(plan.gitHostAddress))
}
