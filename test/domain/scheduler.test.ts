import { describe, expect, it } from 'vitest'
import type { ReplicaId, ServerId } from '../../domain/ids.ts'
import { schedulerHandovers, type SchedulerPlace } from '../../domain/scheduler.ts'

const place = (replicaId: string, server: string): SchedulerPlace => ({ replicaId: replicaId as ReplicaId, serverId: server as ServerId, serverName: server })
const handovers = (ticking: SchedulerPlace[], wanted: SchedulerPlace[]) =>
  schedulerHandovers(ticking, wanted).map(({ from, to }) => [from?.replicaId ?? null, to?.replicaId ?? null])

describe('the charge of ticking', () => {
  it('stays where it is', () => {
    expect(handovers([place('a', 'one')], [place('a', 'one')])).toEqual([])
  })

  it('begins with nobody before it, and ends with nobody after it', () => {
    expect(handovers([], [place('a', 'one')])).toEqual([[null, 'a']])
    expect(handovers([place('a', 'one')], [])).toEqual([['a', null]])
  })

  it('passes on replica by replica, on each server by itself', () => {
    const old = [place('old-1', 'one'), place('old-2', 'two'), place('old-2b', 'two')]
    const next = [place('new-2', 'two'), place('new-1', 'one'), place('new-2b', 'two')]
    expect(handovers(old, next)).toEqual([['old-2', 'new-2'], ['old-1', 'new-1'], ['old-2b', 'new-2b']])
  })

  it('passes to another server where its own has no replica any more', () => {
    expect(handovers([place('old', 'one')], [place('new', 'two')])).toEqual([['old', 'new']])
    const old = [place('old-1', 'one'), place('old-2', 'two')]
    expect(handovers(old, [place('new-3', 'three'), place('new-2', 'two')])).toEqual([['old-1', 'new-3'], ['old-2', 'new-2']])
  })

  it('ends on the others when one alone shall tick', () => {
    const ticking = [place('a', 'one'), place('b', 'two')]
    expect(handovers(ticking, [place('a', 'one')])).toEqual([['b', null]])
    expect(handovers(ticking, [place('new', 'two')])).toEqual([['b', 'new'], ['a', null]])
  })
})
