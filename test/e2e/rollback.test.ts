import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stepsOf, type OperationTree } from '../../stack/demo/operation.ts'
import { authorityFile } from '../lab/authority.ts'
import { compareFingerprints, serverFingerprint } from '../lab/instruments/index.ts'
import { run } from '../lab/run.ts'
import { recordHistories } from './histories.ts'
import { connectLabRegistry, openScene, type Sample, type Scene } from './scene.ts'
import { secretsSeen } from './secrets.ts'

const secrets = { one: 'pinned-by-release-one-8d2f', two: 'set-before-release-two-41ac' }

let scene: Scene
let sample: Sample
const commits: Record<'one' | 'two', string> = { one: '', two: '' }

const push = (version: string) => scene.lab.gitHost.pushCommit(sample.repository, 'main', { files: { VERSION: `${version}\n` } })
const page = async () => (await sample.ask('/')).body
const releases = () => scene.organisation.releases(sample.environmentId)
const release = async (number: number) => (await releases()).find((one) => one.number === number)!
const rolledBack = async (wish = {}) => scene.ended(await scene.organisation.rollBack(sample.environmentId, wish))
const onServer = async (...argv: string[]) => (await scene.server.exec(argv)).split('\n').filter(Boolean)
const imagesOf = (commit: string) => onServer('docker', 'image', 'ls', '--quiet', '--filter', `label=keystone.commit=${commit}`)
const deployed = async (name: string) => {
  const tree = await scene.deployed(name, sample)
  expect(tree).toMatchObject({ status: 'succeeded', outcome: 'deployed', warnings: [] })
  return tree
}

/** What the gateway answered while something else went on, one request after the other. */
async function whileAsking<Result>(work: () => Promise<Result>): Promise<{ result: Result; statuses: (number | string)[] }> {
  const statuses: (number | string)[] = []
  let isOver = false
  const asking = (async () => {
    while (!isOver) statuses.push(await sample.ask('/').then(({ status }) => status, String))
  })()
  const result = await work().finally(() => (isOver = true))
  await asking
  return { result, statuses }
}

beforeAll(async () => {
  scene = await openScene({ name: 'rollback' })
  sample = await scene.sample('visits')
  await scene.organisation.setVariable(sample.environmentId, 'APP_RELEASE', secrets.one)
  commits.one = await push('one')
  await deployed('release one')
  await scene.organisation.setVariable(sample.environmentId, 'APP_RELEASE', secrets.two)
  commits.two = await push('two')
  await deployed('release two')
}, 1_800_000)

afterAll(() => scene.close())

describe('a rollback', () => {
  let tree: OperationTree

  it('brings the release before back without a failed request', async () => {
    expect(await page()).toContain(`commit ${commits.two}`)
    const { result, statuses } = await whileAsking(() => rolledBack())
    tree = result
    await recordHistories(scene.keystone, 'rollback', tree)
    expect(tree).toMatchObject({ kind: 'environment_rollback', status: 'succeeded', outcome: 'rolled_back' })
    expect(statuses.length).toBeGreaterThan(10)
    expect(statuses.filter((status) => status !== 200)).toEqual([])
    expect(await page()).toContain(`commit ${commits.one}`)
  })

  it('builds nothing and migrates nothing, and says that the migrations stay', () => {
    const names = stepsOf(tree).map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining(['find image', 'start web', 'start worker']))
    expect(names.filter((name) => /build|migrate|resolve/.test(name))).toEqual([])
    expect(tree.warnings).toMatchObject([{ code: 'migrations_stay', message: expect.stringContaining('release 2') }])
  })

  it('runs with the variables that its release had, which stay set as they are', async () => {
    expect(await page()).toContain(`release ${secrets.one}`)
  })

  it('is a release of its own, and the one that was live is downgraded', async () => {
    const first = await release(1)
    expect(await releases()).toMatchObject([
      { number: 3, status: 'successful', commit: commits.one, rolledBackToId: first.id },
      { number: 2, status: 'downgraded', commit: commits.two, rolledBackToId: null, rollbackRefusal: null },
      { number: 1, status: 'obsolete', commit: commits.one, rollbackRefusal: { code: 'release_is_live' } },
    ])
    await expect(rolledBack()).rejects.toThrow('no_earlier_release')
  })

  it('is followed by a deploy that has what is set today', async () => {
    await deployed('after the rollback')
    expect(await page()).toContain(`commit ${commits.two}\nrelease ${secrets.two}`)
  })
})

describe('a rollback to an image that somebody has removed from the server', () => {
  it('fails with what to do instead, and changes nothing', async () => {
    for (const image of await imagesOf(commits.one)) await onServer('docker', 'image', 'rm', '--force', image)
    expect(await imagesOf(commits.one)).toEqual([])
    const before = await serverFingerprint(scene.server)
    const failed = await rolledBack({ releaseId: (await release(1)).id })
    expect(failed).toMatchObject({
      status: 'failed',
      failure: { code: 'image_gone', hint: `Deploy commit ${commits.one} instead: its image is built again.` },
    })
    expect(compareFingerprints(before, await serverFingerprint(scene.server))).toEqual([])
    expect(await page()).toContain(`commit ${commits.two}`)
    expect(await release(5)).toMatchObject({ status: 'failed', rollbackRefusal: { code: 'release_never_live' } })
  })
})

describe('retention', () => {
  const planted = () => [`keystone/${sample.environmentId}:planted`, 'somebody/else:1']
  const operationFolders = () => onServer('ls', '/home/keystone/operations')
  const volumes = () => onServer('docker', 'volume', 'ls', '--quiet')

  it('prunes the image that no kept release needs, and the folders of old operations, but nothing of others', async () => {
    for (const name of planted()) await scene.server.exec(['sh', '-c', 'tar c --files-from /dev/null | docker import - "$0"', name])
    await onServer('install', '-d', '-o', 'keystone', '/home/keystone/operations/0123456789ab', '/home/keystone/operations/ba9876543210')
    await onServer('touch', '--date', '8 days ago', '/home/keystone/operations/0123456789ab')
    await scene.organisation.changeEnvironment(sample.environmentId, { releaseRetention: 2 })
    const [third, volumesBefore] = [await push('three'), await volumes()]
    await deployed('release three')
    expect(await imagesOf(commits.two)).toHaveLength(1)
    const fourth = await push('four')
    const tree = await deployed('release four')
    expect(stepsOf(tree).filter(({ name }) => name === 'prune')).toMatchObject([{ status: 'succeeded' }])
    expect(await imagesOf(commits.two)).toEqual([])
    for (const commit of [third, fourth]) expect(await imagesOf(commit)).toHaveLength(1)
    const named = await onServer('docker', 'image', 'ls', '--format', '{{.Repository}}:{{.Tag}}')
    expect(named).toEqual(expect.arrayContaining(planted()))
    expect(await volumes()).toEqual(volumesBefore)
    const folders = await operationFolders()
    expect(folders).not.toContain('0123456789ab')
    expect(folders).toEqual(expect.arrayContaining(['ba9876543210', tree.hash]))
  })

  it('leaves two releases to go back to or from, and says of the others why not', async () => {
    const refusals = (await releases()).map(({ number, rollbackRefusal }) => [number, rollbackRefusal?.code ?? null])
    expect(refusals.slice(0, 3)).toEqual([[7, 'release_is_live'], [6, null], [5, 'release_never_live']])
    expect(refusals.slice(3)).toEqual([4, 3, 2, 1].map((number) => [number, 'image_gone']))
    await expect(rolledBack({ releaseId: (await release(4)).id })).rejects.toThrow(`Deploy commit ${commits.two} instead`)
    expect(await rolledBack()).toMatchObject({ status: 'succeeded', outcome: 'rolled_back' })
    expect(await page()).toContain('version three')
  })
})

describe('images in a registry', () => {
  /** Of the web replica and of its scheduler. */
  const running = async () => [...new Set(await onServer('docker', 'ps', '--no-trunc', '--filter', 'name=visits-production-web', '--format', '{{.Image}}'))]
  const steps = (tree: OperationTree) => stepsOf(tree).map(({ name }) => name)
  const stored: Record<'four' | 'five', string> = { four: '', five: '' }

  it('are built and pushed, and what runs has the digest that the registry tells', async () => {
    await scene.organisation.changeEnvironment(sample.environmentId, { registryId: await connectLabRegistry(scene), releaseRetention: 5 })
    for (const version of ['four', 'five'] as const) {
      await push(version)
      await deployed(`release ${version}, stored in a registry`)
      const [image = ''] = await running()
      expect(image).toMatch(/^[\d.]+:5000\/team\/visits-production@sha256:[0-9a-f]{64}$/)
      expect(await inRegistry('HEAD', image)).toContain(image.split('@')[1])
      stored[version] = image
    }
    expect(stored.four).not.toBe(stored.five)
  })

  it('are pulled again for a rollback where somebody has removed them, the very same', async () => {
    const [id = ''] = await onServer('docker', 'image', 'inspect', '--format', '{{.Id}}', stored.four)
    await onServer('docker', 'image', 'rm', '--force', id)
    const tree = await rolledBack()
    await recordHistories(scene.keystone, 'rollback-pulled', tree)
    expect(tree).toMatchObject({ status: 'succeeded', outcome: 'rolled_back' })
    expect(steps(tree)).toContain('pull image')
    expect(await running()).toEqual([stored.four])
  })

  it('that are gone from the registry cannot be gone back to', async () => {
    await inRegistry('DELETE', stored.five)
    const [live, five] = await releases()
    expect([live?.status, five?.status]).toEqual(['successful', 'downgraded'])
    const failed = await rolledBack({ releaseId: five!.id })
    expect(failed).toMatchObject({ status: 'failed', failure: { code: 'image_gone' } })
    expect(await running()).toEqual([stored.four])
  })
})

it('no secret is where it must not be, nor is the login of the registry', async () => {
  const { username, password } = scene.lab.registry
  const login = Buffer.from(`${username}:${password}`).toString('base64')
  expect((await secretsSeen(scene, { ...secrets, password, login })).found).toEqual([])
})

/** Asks the registry itself about an image; returns the headers of its answer. */
async function inRegistry(method: 'HEAD' | 'DELETE', image: string): Promise<string> {
  const { host, username, password } = scene.lab.registry
  const [name = '', digest = ''] = image.slice(host.length + 1).split('@')
  const options = ['--silent', '--show-error', '--fail', '--include', '--cacert', await authorityFile(), '--user', `${username}:${password}`]
  const accept = ['--header', 'Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.index.v1+json']
  const how = method === 'HEAD' ? ['--head'] : ['--request', method]
  return run(['curl', ...options, ...how, ...accept, `https://${host}/v2/${name}/manifests/${digest}`])
}
