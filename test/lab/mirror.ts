import { z } from 'zod'
import { docker, dockerHas, inspect } from './docker.ts'
import { imageRecipes, imageTag, type ImageName } from './images.ts'
import { locked } from './lock.ts'
import type { LabPlan } from './network.ts'
import { until } from './until.ts'

/** One for all labs of a machine, so that each image is pushed once. It stands in for Docker Hub. */
export const mirrorContainer = 'keystone-lab-mirror'

/** Has the mirror at the lab's address for it, with these images under their names on Docker Hub. */
export async function openMirror(plan: LabPlan, images: readonly ImageName[], log: (line: string) => void): Promise<void> {
  await locked('mirror', async () => {
    await startMirror()
    const networks = await inspect(mirrorContainer, '{{range $name, $_ := .NetworkSettings.Networks}}{{println $name}}{{end}}')
    if (!networks.split('\n').includes(plan.publicNetwork)) {
      await docker(['network', 'connect', '--ip', plan.mirrorAddress, plan.publicNetwork, mirrorContainer])
    }
    const host = await docker(['port', mirrorContainer, '5000/tcp'])
    await until('the mirror', () => answers(host))
    for (const image of images) await publish(image, host, log)
  })
}

async function startMirror(): Promise<void> {
  if (await dockerHas('container', mirrorContainer)) return void (await docker(['start', mirrorContainer]))
  const kept = ['--name', mirrorContainer, '--restart', 'unless-stopped', '--volume', `${mirrorContainer}:/data`]
  await docker(['run', '--detach', ...kept, '--publish', '127.0.0.1::5000', imageTag('registry')])
}

const answers = (host: string) =>
  fetch(`http://${host}/v2/`).then(
    (response) => response.ok,
    () => false,
  )

async function publish(image: ImageName, host: string, log: (line: string) => void): Promise<void> {
  const imageId = await docker(['image', 'inspect', '--format', '{{.Id}}', imageTag(image)])
  for (const name of imageRecipes[image].standsFor ?? []) {
    const onHub = name.includes('/') ? name : `library/${name}`
    if ((await publishedIds(host, onHub)).includes(imageId)) continue
    log(`mirror: pushing ${name}`)
    await docker(['tag', imageTag(image), `${host}/${onHub}`])
    await docker(['push', '--quiet', `${host}/${onHub}`])
    await docker(['rmi', `${host}/${onHub}`])
  }
}

const manifestTypes = ['docker.distribution.manifest.v2', 'oci.image.manifest.v1', 'oci.image.index.v1']
const manifest = z.object({ config: z.object({ digest: z.string() }).optional() })

/** By which of the two a daemon calls the image depends on how it stores images. */
async function publishedIds(host: string, name: string): Promise<(string | undefined | null)[]> {
  const [repository, tag] = name.split(':')
  const accept = manifestTypes.map((type) => `application/vnd.${type}+json`).join(', ')
  const response = await fetch(`http://${host}/v2/${repository}/manifests/${tag}`, { headers: { accept } })
  if (response.status === 404) return []
  return [manifest.parse(await response.json()).config?.digest, response.headers.get('docker-content-digest')]
}
