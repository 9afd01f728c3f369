import { z } from 'zod'
import { docker, dockerHas, inspect } from './docker.ts'
import { imageRecipes, imageTag, type ImageName } from './images.ts'
import { locked } from './lock.ts'
import type { LabPlan } from './network.ts'
import { until } from './until.ts'

/** One for all labs of a machine, so that each image is pushed once. It stands in for Docker Hub. */
export const mirrorContainer = 'keystone-lab-mirror'

/** What the servers of a lab pull the images of Docker Hub from. */
export interface LabMirror {
  /** `http://10.60.0.2:5000` */
  url: string
  /** Puts another image under the name of this one: with these lines more in its Dockerfile. Returns its digest. Of a mirror of its own only. */
  republish(image: ImageName, lines: readonly string[]): Promise<string>
  /** Puts another image beside this one, with these lines more in its Dockerfile: it can be pulled by the digest that is returned. */
  putBeside(image: ImageName, lines: readonly string[]): Promise<string>
}

interface MirrorWish {
  images: readonly ImageName[]
  /** Not the one of all labs: what a test puts there is for its lab alone. */
  isOwn: boolean
  log: (line: string) => void
}

/** Has a mirror at the lab's address for it, with these images under their names on Docker Hub. */
export async function openMirror(plan: LabPlan, { images, isOwn, log }: MirrorWish): Promise<LabMirror> {
  const container = isOwn ? `${plan.name}-mirror` : mirrorContainer
  const host = await locked('mirror', async () => {
    await startMirror(container, isOwn ? ['--label', plan.label] : ['--volume', `${mirrorContainer}:/data`])
    const networks = await inspect(container, '{{range $name, $_ := .NetworkSettings.Networks}}{{println $name}}{{end}}')
    if (!networks.split('\n').includes(plan.publicNetwork)) {
      await docker(['network', 'connect', '--ip', plan.mirrorAddress, plan.publicNetwork, container])
    }
    const published = await docker(['port', container, '5000/tcp'])
    await until('the mirror', () => answers(published))
    for (const image of images) await publish(image, published, log)
    return published
  })
  return {
    url: `http://${plan.mirrorAddress}:5000`,
    republish(image, lines) {
      if (!isOwn) throw new Error('this mirror is that of all labs')
      return push(image, { host, tag: onHub(hubName(image)), lines })
    },
    putBeside: (image, lines) => push(image, { host, tag: `${onHub(hubName(image))}-beside`, lines }),
  }
}

async function startMirror(container: string, options: readonly string[]): Promise<void> {
  if (await dockerHas('container', container)) return void (await docker(['start', container]))
  const kept = ['--name', container, '--restart', 'unless-stopped', ...options]
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
    if ((await publishedIds(host, onHub(name))).includes(imageId)) continue
    log(`mirror: pushing ${name}`)
    await docker(['tag', imageTag(image), `${host}/${onHub(name)}`])
    await docker(['push', '--quiet', `${host}/${onHub(name)}`])
    await docker(['rmi', `${host}/${onHub(name)}`])
  }
}

const onHub = (name: string): string => (name.includes('/') ? name : `library/${name}`)

function hubName(image: ImageName): string {
  const [name] = imageRecipes[image].standsFor ?? []
  if (!name) throw new Error(`${image} stands for no image of Docker Hub`)
  return name
}

async function push(image: ImageName, { host, tag, lines }: { host: string; tag: string; lines: readonly string[] }): Promise<string> {
  const name = `${host}/${tag}`
  await docker(['build', '--quiet', '--tag', name, '-'], { input: [`FROM ${imageTag(image)}`, ...lines].join('\n') })
  await docker(['push', '--quiet', name])
  await docker(['rmi', name])
  const { headers } = await manifestOf(host, tag)
  return headers.get('docker-content-digest') ?? ''
}

const manifestTypes = ['docker.distribution.manifest.v2', 'oci.image.manifest.v1', 'oci.image.index.v1']
const manifest = z.object({ config: z.object({ digest: z.string() }).optional() })

/** By which of the two a daemon calls the image depends on how it stores images. */
async function publishedIds(host: string, name: string): Promise<(string | undefined | null)[]> {
  const response = await manifestOf(host, name)
  if (response.status === 404) return []
  return [manifest.parse(await response.json()).config?.digest, response.headers.get('docker-content-digest')]
}

function manifestOf(host: string, name: string): Promise<Response> {
  const [repository, tag] = name.split(':')
  const accept = manifestTypes.map((type) => `application/vnd.${type}+json`).join(', ')
  return fetch(`http://${host}/v2/${repository}/manifests/${tag}`, { headers: { accept } })
}
