import type { ConfiguredBuild } from '../../../drivers/services/contract-application.ts'
import { resolveImage } from '../../../drivers/services/image.ts'
import { knownHosts } from '../../../drivers/sources/known-hosts.ts'
import { parseRepositoryUrl } from '../../../drivers/sources/repository-url.ts'
import type { Repository } from '../repository.ts'
import type { ServiceServer } from './service-server.ts'

/** The base images of a build, pulled by the server; their digests by name. */
export async function resolveBases(server: ServiceServer, build: ConfiguredBuild): Promise<Record<string, string>> {
  const resolved = build.baseImages.map(async ({ name, reference }) => [name, (await server.run(resolveImage(reference))).facts().digest])
  return Object.fromEntries(await Promise.all(resolved))
}

interface SampleCommit {
  repository: Repository
  commitSha: string
  baseDigests: Readonly<Record<string, string>>
}

/** The step that builds a commit of the sample application on the server itself. */
export function sampleBuild(build: ConfiguredBuild, { repository, commitSha, baseDigests }: SampleCommit) {
  const { url, deployKey, hostKey } = repository
  return build.run({
    ...{ organisationId: 'org', applicationId: 'visits', environmentId: 'env', commitSha, projectRoot: '.' },
    ...{ baseDigests, platforms: ['linux/amd64'], storedAs: null, dockerConfig: null, secrets: {}, secretVersions: {} },
    ...{ repositoryUrl: url, deployKey, knownHosts: knownHosts(parseRepositoryUrl(url), [hostKey]) },
  })
}
