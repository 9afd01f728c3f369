import { describe, expect, it } from 'vitest'
import type { SnapshotGateway } from '../../domain/deploy-snapshot.ts'
import { switchRefusal } from '../../domain/gateways.ts'
import type { OperationId, ServerId, ServiceId } from '../../domain/ids.ts'

const gateway = (name: string, isStopped: boolean): SnapshotGateway => ({ serviceId: name as ServiceId, name, serverId: 's1' as ServerId, serverName: 's1', isStopped })
const switching = (...names: string[]) => ({
  gateways: names.map((name) => ({ serviceId: name as ServiceId, operationId: name as OperationId, serverId: 's1' as ServerId, serverName: 's1', asks: [] })),
})

describe('traffic', () => {
  it('is not switched by a gateway that is stopped, which is to be started first', () => {
    expect(switchRefusal([gateway('one', false), gateway('two', true)], switching('one', 'two'))).toEqual({
      code: 'gateway_stopped',
      message: 'two on s1 has routes of the environment and is stopped: it cannot send traffic to new replicas.',
      hint: 'Start two, then try again.',
    })
  })

  it('may be switched by those that run, and where there is nothing to switch none is needed', () => {
    expect(switchRefusal([gateway('one', false)], switching('one'))).toBeNull()
    expect(switchRefusal([gateway('one', true)], switching())).toBeNull()
  })
})
