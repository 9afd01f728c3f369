import { cp, mkdtemp, rename, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { docker } from './docker.ts'
import { imageFolder, imageRecipes, imageTag, type ImageName } from './images.ts'
import { run } from './run.ts'
import { debianArchive, goProxy, ubuntuArchive } from './settings.ts'

/** Builds an image whose parents are there, and tags it by its hash. */
export async function buildImage(name: ImageName): Promise<void> {
  const { suite, npmPackages } = imageRecipes[name]
  if (suite) return importSystem(name, suite)
  if (!npmPackages) return dockerBuild(name, imageFolder(name))
  const context = await mkdtemp(join(tmpdir(), 'keystone-lab-'))
  await cp(imageFolder(name), context, { recursive: true })
  for (const [file, spec] of Object.entries(npmPackages)) await packNpm(spec, context, file)
  await dockerBuild(name, context)
  await rm(context, { recursive: true })
}

/** Those that Go compiles, which takes its time. */
const compiled: readonly ImageName[] = ['frankenphp', 'pebble']

async function dockerBuild(name: ImageName, context: string): Promise<void> {
  const parents = Object.entries(imageRecipes[name].parents ?? {}).map(([argument, parent]) => `${argument}=${imageTag(parent)}`)
  const jobs = [`JOBS=${availableParallelism()}`, ...(goProxy ? [`GOPROXY=${goProxy}`] : [])]
  const buildArguments = [...parents, ...(compiled.includes(name) ? jobs : [])].flatMap((argument) => ['--build-arg', argument])
  await docker(['build', '--quiet', '--label', 'keystone.lab.image=1', '--tag', imageTag(name), ...buildArguments, context])
}

/** The file name that npm gives to a package depends on its version, so it is renamed. */
async function packNpm(spec: string, context: string, file: string): Promise<void> {
  const packed = await run(['npm', 'pack', '--silent', spec], { cwd: context })
  await rename(join(context, packed.trim()), join(context, file))
}

async function importSystem(name: ImageName, suite: string): Promise<void> {
  // A folder for temporary files that is this process's own is not there in the system that is made.
  const pipeline = 'set -o pipefail; unset TMPDIR; "$1" "$2" "$3" | docker import --change \'CMD ["bash"]\' --change "ENV LANG=C.UTF-8" -'
  const archive = imageRecipes[name].folder === 'ubuntu' ? ubuntuArchive : (debianArchive ?? (await archiveOfThisMachine()))
  const imageId = await run(['bash', '-c', pipeline, '-', join(imageFolder(name), 'make'), suite, archive])
  await docker(['tag', imageId, imageTag(name)])
}

async function archiveOfThisMachine(): Promise<string> {
  const targets = await run(['apt-get', 'indextargets', '--format', '$(ORIGIN)|$(LABEL)|$(REPO_URI)', 'Created-By: Packages'])
  const archive = targets.split('\n').find((line) => line.startsWith('Debian|Debian|'))?.split('|')[2]
  if (!archive) throw new Error("no Debian archive in this machine's apt configuration: set KEYSTONE_LAB_DEBIAN_ARCHIVE")
  return archive
}
