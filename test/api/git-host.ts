import { execFile, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import ssh2 from 'ssh2'
import { generateDeployKey } from '../../drivers/sources/deploy-key.ts'

const run = promisify(execFile)

export interface GitHost {
  port: number
  /** The key line that it shows. */
  hostKey: string
  /** SSH address of its one repository, with the branches `main` and `next`. */
  repositoryUrl: string
  heads: { main: string; next: string }
  /** A commit on top of this branch, which is then its head. */
  push(branch: string): Promise<string>
  /** How often somebody has read it. */
  reads(): number
  /** Lets this public key read, and none of those before. */
  install(publicKey: string): void
  close(): Promise<void>
}

/** A git host of the test's own on 127.0.0.1: SSH with deploy keys in front of git itself. */
export async function openGitHost(): Promise<GitHost> {
  const folder = await mkdtemp(join(tmpdir(), 'keystone-git-'))
  const heads = await makeRepository(folder)
  const pair = generateDeployKey('git host')
  let installed: Buffer | null = null
  let reads = 0
  const server = new ssh2.Server({ hostKeys: [pair.privateKey.reveal()] }, (client) => {
    client.on('error', () => {})
    client.on('authentication', (attempt) => {
      if (attempt.method === 'publickey' && installed?.equals(attempt.key.data)) attempt.accept()
      else attempt.reject(['publickey'])
    })
    client.on('session', (accept) =>
      accept().on('exec', (acceptExec, _reject, { command }) => {
        reads += 1
        serve(acceptExec(), command, folder)
      }),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    hostKey: pair.publicKey.trim().split(' ').slice(0, 2).join(' '),
    repositoryUrl: `ssh://git@127.0.0.1:${port}/team/shop.git`,
    heads,
    push: (branch) => commitTo(join(folder, 'team/shop.git'), branch),
    reads: () => reads,
    install(publicKey) {
      installed = Buffer.from(publicKey.split(' ')[1]!, 'base64')
    },
    async close() {
      await new Promise<void>((resolve) => server.close(() => resolve()))
      await rm(folder, { recursive: true })
    },
  }
}

const identity = { GIT_AUTHOR_NAME: 'test', GIT_AUTHOR_EMAIL: 'test@example.com', GIT_COMMITTER_NAME: 'test', GIT_COMMITTER_EMAIL: 'test@example.com' }
const git = async (...argv: string[]) => (await run('git', argv, { env: { ...process.env, ...identity } })).stdout.trim()

async function commitTo(path: string, branch: string): Promise<string> {
  const commit = await git('-C', path, 'commit-tree', `${branch}^{tree}`, '-p', branch, '-m', 'another')
  await git('-C', path, 'update-ref', `refs/heads/${branch}`, commit)
  return commit
}

async function makeRepository(folder: string): Promise<GitHost['heads']> {
  const path = join(folder, 'team/shop.git')
  await git('init', '--quiet', '--bare', '--initial-branch=main', path)
  const tree = await git('-C', path, 'hash-object', '-t', 'tree', '-w', '/dev/null')
  const main = await git('-C', path, 'commit-tree', tree, '-m', 'first')
  const next = await git('-C', path, 'commit-tree', tree, '-p', main, '-m', 'second')
  await git('-C', path, 'update-ref', 'refs/heads/main', main)
  await git('-C', path, 'update-ref', 'refs/heads/next', next)
  return { main, next }
}

function serve(channel: ssh2.ServerChannel, command: string, folder: string): void {
  const path = /^git-upload-pack '(\/[a-z./]+)'$/.exec(command)?.[1]
  const git = spawn('git', ['upload-pack', join(folder, path ?? 'unknown')])
  channel.pipe(git.stdin)
  git.stdin.on('error', () => {})
  git.stdout.pipe(channel, { end: false })
  git.on('close', (code) => {
    channel.exit(code ?? 1)
    channel.end()
  })
}
