import { SourceError } from './errors.ts'

/** Where a repository is reached over SSH. */
export interface RepositoryAddress {
  host: string
  port: number
  user: string
  /** As the git host gets it: absolute from `ssh://host/path`, relative to its home from `user@host:path`. */
  path: string
}

const sshUrl = /^ssh:\/\/(?:(?<user>[^@/]+)@)?(?<host>[^@:/]+)(?::(?<port>\d+))?(?<path>\/.+)$/
const scpLike = /^(?:(?<user>[^@/:]+)@)?(?<host>[^@:/]+):(?<path>[^:].*)$/

/**
 * Parses `ssh://user@host:port/path` and `user@host:path`. Throws a SourceError `invalid_repository_url` for everything else:
 * deploy keys work over SSH only, and nothing may look like an option to git or ssh.
 */
export function parseRepositoryUrl(url: string): RepositoryAddress {
  if (/[\s\p{Cc}]/u.test(url)) throw invalid(url, 'it contains white space')
  const found = (sshUrl.exec(url) ?? (url.includes('://') ? null : scpLike.exec(url)))?.groups
  if (!found) throw invalid(url, /^(https?|git|file):/.test(url) ? 'a deploy key needs the SSH address of the repository' : 'it is no SSH address')
  const { user = 'git', host = '', path = '' } = found
  const port = Number(found.port ?? 22)
  if (!/^[A-Za-z0-9][A-Za-z0-9.-]*$/.test(host)) throw invalid(url, `"${host}" is not a host name`)
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(user)) throw invalid(url, `"${user}" is not a user name`)
  if (port < 1 || port > 65535) throw invalid(url, `${port} is not a port`)
  if (!/^[A-Za-z0-9/~_][A-Za-z0-9._~/+@-]*$/.test(path)) throw invalid(url, `"${path}" is not the path of a repository`)
  return { host: host.toLowerCase(), port, user, path: path.replace(/^\/~/, '~') }
}

function invalid(url: string, why: string): SourceError {
  const example = 'give it as ssh://git@git.example.com/team/shop.git or git@git.example.com:team/shop.git'
  return new SourceError('invalid_repository_url', `"${url}" cannot be used: ${why}; ${example}`)
}
