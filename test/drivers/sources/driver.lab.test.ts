import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { generateDeployKey } from '../../../drivers/sources/deploy-key.ts'
import { createSourceDriver, type RepositoryAccess } from '../../../drivers/sources/driver.ts'
import type { Lab } from '../../lab/index.ts'
import { openTestLab } from '../lab.ts'
import { sampleRepository, type Repository } from '../repository.ts'

const sources = createSourceDriver({ timeoutSeconds: 10 })
const other = generateDeployKey('another').publicKey
let lab: Lab
let repository: Repository
let access: RepositoryAccess

beforeAll(async () => {
  lab = await openTestLab('sources')
  repository = await sampleRepository(lab)
  access = { repositoryUrl: repository.url, deployKey: repository.deployKey, confirmedHostKeys: [repository.hostKey] }
}, 300_000)
afterAll(() => lab?.down())

const failing = (overrides: Partial<RepositoryAccess>) => expect(sources.refs({ ...access, ...overrides })).rejects

describe('a repository', () => {
  it('tells its branches and their heads', async () => {
    const { defaultBranch, branches } = await sources.refs(access)
    expect(defaultBranch).toBe('main')
    expect([...branches.keys()]).toEqual(expect.arrayContaining(['broken-build', 'main', 'unhealthy']))
    expect(await sources.head(access, 'main')).toBe(await repository.head('main'))
  })

  it('names the branches that it has instead of the one it has not', async () => {
    await expect(sources.head(access, 'mian')).rejects.toMatchObject({ code: 'branch_not_found', field: 'branch', message: expect.stringContaining('main') })
  })

  it('is not read by a key that the host does not know', () =>
    failing({ deployKey: generateDeployKey('stranger').privateKey }).toMatchObject({ code: 'access_denied', retryable: false }))

  it('is missed where it is not', () =>
    failing({ repositoryUrl: repository.url.replace('visits', 'nothing') }).toMatchObject({ code: 'repository_not_found' }))

  it('is not read before the host key is confirmed, which the error shows', () =>
    failing({ confirmedHostKeys: [] }).toMatchObject({ code: 'host_key_unknown', seenHostKey: repository.hostKey }))

  it('is not read from a host with another key', () =>
    failing({ confirmedHostKeys: [other] }).toMatchObject({ code: 'host_key_changed', seenHostKey: repository.hostKey }))

  it('is unreachable where nobody listens', () =>
    failing({ repositoryUrl: repository.url.replace('/visits', ':1/visits') }).toMatchObject({ code: 'unreachable', retryable: true }))
})
