import { docker } from './docker.ts'
import { fastImport, type Commit } from './fast-import.ts'

/** A bare repository in the git host's container. */
export function gitRepository(container: string, name: string) {
  const asGit = ['exec', '--interactive', '--user', 'git', container, 'git', '--git-dir', `/home/git/repositories/${name}.git`]
  const git = (argv: readonly string[], input?: Uint8Array) => docker([...asGit, ...argv], { input })

  return {
    init: () => git(['init', '--quiet', '--bare', '--initial-branch', 'main']),
    add: (commits: readonly Commit[]) => git(['fast-import', '--quiet'], fastImport(commits)),
    /** The sha that a branch is at. Throws a CommandError where there is no such branch. */
    head: (branch: string) => git(['rev-parse', '--verify', `refs/heads/${branch}`]),
    has: async (branch: string) => (await git(['for-each-ref', `refs/heads/${branch}`])) !== '',
  }
}
