import { afterAll, beforeAll, expect, it } from 'vitest'
import { stepsOf, type OperationTree } from '../../stack/demo/operation.ts'
import { openScene, type Sample, type Scene } from './scene.ts'

let scene: Scene
let samples: Sample[]

beforeAll(async () => {
  scene = await openScene({ name: 'neighbours' })
  samples = [await scene.sample('one'), await scene.sample('other')]
}, 1_800_000)

afterAll(() => scene.close())

const span = ({ startedAt, finishedAt }: { startedAt: string | null; finishedAt: string | null }) => ({
  from: Date.parse(startedAt ?? ''),
  to: Date.parse(finishedAt ?? ''),
})

const overlapMilliseconds = (one: OperationTree, other: OperationTree) => {
  const [a, b] = [span(one), span(other)]
  return Math.min(a.to, b.to) - Math.max(a.from, b.from)
}

it('two applications on one server are deployed at once, and both answer', async () => {
  const trees = await Promise.all(samples.map((sample) => scene.deployed(`${sample.domain} beside another`, sample)))
  const [one, other] = trees
  if (!one || !other) throw new Error('there are two')
  for (const tree of trees) expect(tree).toMatchObject({ status: 'succeeded', outcome: 'deployed', warnings: [] })
  const shorter = Math.min(...trees.map(span).map(({ from, to }) => to - from))
  expect(overlapMilliseconds(one, other)).toBeGreaterThan(shorter / 2)
  for (const tree of trees) expect(stepsOf(tree).filter(({ name }) => name.startsWith('apply gateway revision'))).toHaveLength(1)
  for (const { repository, ask } of samples) {
    const head = await scene.lab.gitHost.head(repository, 'main')
    expect(await ask('/')).toMatchObject({ status: 200, body: expect.stringContaining(`commit ${head}`) })
  }
})

it('each has its own data, and neither sees the jobs of the other', async () => {
  const [one, other] = samples
  if (!one || !other) throw new Error('there are two')
  const rows = async ({ ask }: Sample) => JSON.parse((await ask('/visits')).body)
  const before = await rows(other)
  for (const _ of [1, 2, 3]) expect((await one.ask('/visit')).status).toBe(200)
  expect(await rows(one)).toMatchObject({ rows: 3, cached: 3 })
  expect(await rows(other)).toMatchObject({ rows: before.rows, cached: before.cached })
})

it('a deploy of one that fails leaves the other as it is', async () => {
  const [one, other] = samples
  if (!one || !other) throw new Error('there are two')
  const before = await scene.server.exec(['docker', 'ps', '--filter', 'name=^other-', '--format', '{{.ID}}'])
  const [failed, unchanged] = await Promise.all([
    scene.deployed('one fails beside another', one, { branch: 'broken-migration' }),
    scene.deployed('another stays', other),
  ])
  expect(failed.status).toBe('failed')
  expect(unchanged).toMatchObject({ status: 'succeeded', outcome: 'unchanged' })
  expect(await scene.server.exec(['docker', 'ps', '--filter', 'name=^other-', '--format', '{{.ID}}'])).toBe(before)
  expect((await other.ask('/up')).status).toBe(200)
})
