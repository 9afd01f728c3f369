import type { Client, ClientChannel } from 'ssh2'
import { quote } from '../ssh/quote.ts'
import { connectGitHost, type GitHostAccess } from './connect.ts'
import { SourceError } from './errors.ts'
import { parseAdvertisement, type RemoteRefs } from './refs.ts'
import type { RepositoryAddress } from './repository-url.ts'

/** More refs than any repository that is deployed from has. */
const largestAdvertisement = 64 * 1024 * 1024

/** Asks for the refs of a repository as `git ls-remote` does. The deploy key stays in memory. Throws SourceErrors. */
export async function lsRemote(access: GitHostAccess): Promise<RemoteRefs> {
  const client = await connectGitHost(access)
  try {
    return await advertisement(access, await uploadPack(client, access))
  } finally {
    client.end()
  }
}

function uploadPack(client: Client, { address }: GitHostAccess): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    client.exec(`git-upload-pack ${quote([address.path])}`, (cause, channel) => {
      if (cause) reject(new SourceError('access_denied', `${address.host} does not let the deploy key run git`, { cause }))
      else resolve(channel)
    })
  })
}

function advertisement({ address, timeoutSeconds }: GitHostAccess, channel: ClientChannel): Promise<RemoteRefs> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let exited = false
    const fail = (error: SourceError) => {
      clearTimeout(timer)
      reject(error)
    }
    const timer = setTimeout(() => fail(new SourceError('unreachable', `${address.host} did not name its branches in ${timeoutSeconds} s`)), timeoutSeconds * 1000)
    channel.stderr.resume()
    channel.on('data', (bytes: Buffer) => {
      chunks.push(bytes)
      const refs = attempt(() => parsed(chunks, address.host), fail)
      if (!refs) return
      clearTimeout(timer)
      channel.end('0000')
      resolve(refs)
    })
    channel.on('exit', () => (exited = true))
    channel.on('close', () => fail(exited ? notFound(address) : new SourceError('unreachable', `the connection to ${address.host} broke off`)))
  })
}

function parsed(chunks: readonly Buffer[], host: string): RemoteRefs | null {
  const bytes = Buffer.concat(chunks)
  if (bytes.length > largestAdvertisement) throw new SourceError('protocol_error', `${host} names more branches than Keystone reads`)
  try {
    return parseAdvertisement(bytes)
  } catch (cause) {
    throw new SourceError('protocol_error', `${host} does not answer in the protocol of git`, { cause })
  }
}

function attempt<T>(act: () => T, fail: (error: SourceError) => void): T | null {
  try {
    return act()
  } catch (error) {
    if (!(error instanceof SourceError)) throw error
    fail(error)
    return null
  }
}

/** Git hosts do not tell a repository that is not there from one that the key may not read. */
function notFound({ host, path }: RepositoryAddress): SourceError {
  return new SourceError('repository_not_found', `${host} has no repository ${path} that the deploy key may read: check the path, and add the key to it`)
}
