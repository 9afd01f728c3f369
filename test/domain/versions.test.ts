import { describe, expect, it } from 'vitest'
import { idOf } from '../../db/ids.ts'
import type { OperationId } from '../../domain/ids.ts'
import type { Traffic } from '../../domain/services.ts'
import { otherVersions } from '../../domain/versions.ts'

const replica = (name: string, operation: string, traffic: Traffic, imageDigest = `sha256:${operation}`) => ({
  ...{ name, replica: { operationId: idOf<OperationId>(operation), imageDigest, traffic } },
})
const names = (replicas: readonly ReturnType<typeof replica>[]) => otherVersions(replicas).map((version) => version.map(({ name }) => name))

describe('the versions that may have what the serving one has not', () => {
  it('are none while one version runs, or another gets no traffic', () => {
    expect(names([])).toEqual([])
    expect(names([replica('a', '1', 'serving'), replica('b', '1', 'serving')])).toEqual([])
    expect(names([replica('a', '1', 'serving'), replica('b', '2', 'none')])).toEqual([])
  })

  it('are none where further replicas of the same image were started later', () => {
    expect(names([replica('a', '1', 'serving', 'sha256:same'), replica('b', '2', 'serving', 'sha256:same')])).toEqual([])
    const restarted = [replica('a', '1', 'serving', 'sha256:same'), replica('b', '3', 'serving', 'sha256:same')]
    expect(names([replica('old', '2', 'draining'), ...restarted])).toEqual([['old']])
  })

  it('are both while both serve, the newer one first', () => {
    const old = [replica('old-1', '1', 'serving'), replica('old-2', '1', 'serving')]
    expect(names([...old, replica('new', '2', 'serving')])).toEqual([['new'], ['old-1', 'old-2']])
  })

  it('are those that drain once the new one serves alone', () => {
    const drained = [replica('older', '1', 'draining'), replica('old', '2', 'draining')]
    expect(names([...drained, replica('new', '3', 'serving')])).toEqual([['old'], ['older']])
  })
})
