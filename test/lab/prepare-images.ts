import { buildImage } from './build.ts'
import { docker, dockerHas } from './docker.ts'
import { firstDeployImages, imageRecipes, imageTag, type ImageName } from './images.ts'
import { locked } from './lock.ts'
import { succeeds } from './run.ts'
import { lanes } from './lanes.ts'

export interface Preparation {
  /** By default all that a first deploy needs. */
  only?: readonly ImageName[]
  /** Told a line when an image is begun and when it is ready. */
  log: (line: string) => void
}

/** Docker's own store holds many images at once well, two builds keep two cores busy. */
const buildsAtOnce = 2

/**
 * Has every image under its tag (`imageTag`): kept from before, else the official one where Docker Hub answers, else a stand-in
 * made from Debian packages. FrankenPHP takes about 20 minutes on two cores, all the others 4.
 */
export async function prepareImages({ only = firstDeployImages, log }: Preparation): Promise<void> {
  const inLane = lanes(buildsAtOnce)
  const begun = new Map<ImageName, Promise<void>>()
  let hubAnswers: Promise<boolean> | null = null

  const image = (name: ImageName) => {
    const running = begun.get(name) ?? provide(name)
    begun.set(name, running)
    return running
  }

  const provide = async (name: ImageName) => {
    if (await dockerHas('image', imageTag(name))) return
    await locked(`image-${name}`, async () => {
      if (await dockerHas('image', imageTag(name))) return
      if (await pull(name)) return
      await Promise.all(Object.values(imageRecipes[name].parents ?? {}).map(image))
      await inLane(() => timed(`image ${name}: building`, () => buildImage(name)))
    })
  }

  const pull = async (name: ImageName) => {
    const official = imageRecipes[name].standsFor?.[0]
    if (!official) return false
    hubAnswers ??= succeeds(['docker', 'manifest', 'inspect', official], { timeoutSeconds: 20 })
    if (!(await hubAnswers)) return false
    await inLane(() => timed(`image ${name}: pulling ${official}`, () => docker(['pull', '--quiet', official])))
    await docker(['tag', official, imageTag(name)])
    return true
  }

  const timed = async (what: string, work: () => Promise<unknown>) => {
    log(what)
    const startedAt = performance.now()
    await work()
    log(`${what}: done in ${Math.round((performance.now() - startedAt) / 1000)} s`)
  }

  await Promise.all(only.map(image))
}
