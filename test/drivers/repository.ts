import type { Secret } from '../../domain/secret.ts'
import { generateDeployKey } from '../../drivers/sources/deploy-key.ts'
import type { Lab } from '../lab/index.ts'

/** A repository with the sample application's branches, and a key that may read it. */
export interface Repository {
  url: string
  deployKey: Secret
  hostKey: string
  head(branch: string): Promise<string>
}

export async function sampleRepository({ gitHost }: Lab): Promise<Repository> {
  const { sshUrl, hostKey } = await gitHost.createRepository('visits')
  const { publicKey, privateKey } = generateDeployKey('keystone tests')
  await gitHost.addDeployKey('visits', publicKey)
  return { url: sshUrl, deployKey: privateKey, hostKey, head: (branch) => gitHost.head('visits', branch) }
}
