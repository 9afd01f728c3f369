import type { Secret } from '../../domain/secret.ts'
import { SourceError } from './errors.ts'
import { pinnedHostKeys } from './known-hosts.ts'
import { lsRemote } from './ls-remote.ts'
import type { RemoteRefs } from './refs.ts'
import { parseRepositoryUrl } from './repository-url.ts'

/** A repository with what opens it. */
export interface RepositoryAccess {
  repositoryUrl: string
  deployKey: Secret
  /** Host key lines that people confirmed; published ones of well-known hosts count without. */
  confirmedHostKeys: readonly string[]
}

/** Reads repositories over SSH. All functions throw SourceErrors. */
export interface SourceDriver {
  refs(access: RepositoryAccess): Promise<RemoteRefs>
  /** The commit at the head of a branch. */
  head(access: RepositoryAccess, branch: string): Promise<string>
}

export function createSourceDriver({ timeoutSeconds = 20 }: { timeoutSeconds?: number } = {}): SourceDriver {
  const refs = ({ repositoryUrl, deployKey, confirmedHostKeys }: RepositoryAccess) => {
    const address = parseRepositoryUrl(repositoryUrl)
    return lsRemote({ address, deployKey, hostKeys: pinnedHostKeys(address, confirmedHostKeys), timeoutSeconds })
  }
  return {
    refs: async (access) => refs(access),
    async head(access, branch) {
      const { branches } = await refs(access)
      const commit = branches.get(branch)
      if (!commit) throw new SourceError('branch_not_found', `the repository has no branch "${branch}"${suggestion([...branches.keys()])}`)
      return commit
    },
  }
}

function suggestion(branches: readonly string[]): string {
  if (branches.length === 0) return ': it is empty'
  return `; it has ${branches.slice(0, 10).join(', ')}${branches.length > 10 ? ', …' : ''}`
}
