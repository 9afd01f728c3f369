import { authorityCertificate, certificateFolder } from './authority.ts'
import { docker, dockerHas } from './docker.ts'
import { imageTag } from './images.ts'
import type { LabPlan } from './network.ts'
import { accepts } from './probe.ts'
import { until } from './until.ts'

/** A private registry with TLS and a login, reached under the same name from this machine and from the servers. */
export interface LabRegistry {
  /** `10.60.0.3:5000`, as it stands before the slash in an image's name. */
  host: string
  username: string
  password: string
  /** Its authority's certificate (PEM); servers of the lab trust it. */
  authority: string
}

export async function openRegistry(plan: LabPlan): Promise<LabRegistry> {
  const container = `${plan.name}-registry`
  const login = { username: 'lab', password: 'lab-registry-password' }
  if (await dockerHas('container', container)) await docker(['start', container])
  else await startRegistry(plan, container, login)
  await until(`the registry of ${plan.name}`, () => accepts(plan.registryAddress, 5000))
  return { host: `${plan.registryAddress}:5000`, ...login, authority: await authorityCertificate() }
}

async function startRegistry(plan: LabPlan, container: string, login: { username: string; password: string }): Promise<void> {
  const place = ['--network', plan.publicNetwork, '--ip', plan.registryAddress]
  const tls = ['--volume', `${await certificateFolder(plan.registryAddress)}:/tls:ro`]
  const asked = ['--env', `USER=${login.username}`, '--env', `PASSWORD=${login.password}`]
  const kept = ['--name', container, '--label', plan.label, '--restart', 'unless-stopped']
  await docker(['run', '--detach', ...kept, ...place, ...tls, ...asked, imageTag('registry')])
}
