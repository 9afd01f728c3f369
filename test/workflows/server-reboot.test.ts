import { describe, expect, it } from 'vitest'
import { type Activities, failure, nothing, operationRunner } from './run-operation.ts'

const runOperation = operationRunner()
const place = (name: string) => ({ replicaId: `${name}-web`, serverId: name, serverName: name })
const gateways = [
  { gatewayId: 'gateway-1', serverName: 's1', environmentIds: ['shop', 'blog'] },
  { gatewayId: 'gateway-3', serverName: 's3', environmentIds: ['shop'] },
]
const completion = { serverId: 's2', serverName: 's2', isGone: false, handovers: [{ from: place('s2'), to: place('s3') }] }

/** Runs the reboot of a server whose replicas two gateways route to, or the recovery of one. */
async function run(workflow: 'server_reboot' | 'operation_recover', others: Activities = {}) {
  const orders: number[] = []
  const activities: Activities = {
    planReboot: async () => ({ serverId: 's2', serverName: 's2' }),
    askServer: async () => {},
    leaveGateways: async () => gateways,
    writeRevision: async ({ change }: { change: string }) => ({ phase: change }),
    applyRevision: async () => {},
    drainGateway: async () => [],
    addWarning: async () => {},
    commitReboot: async () => {},
    planRebootCompletion: async () => completion,
    stopScheduler: async () => ({ ticked: 7 }),
    startScheduler: async () => {},
    recordHandover: async () => {},
    rebootServer: async () => {},
    resumeContainers: async () => {},
    verifyRebooted: async () => {},
    enterGateways: async () => gateways,
    recordRebooted: async () => {},
    abandonReboot: async () => {},
    takeOver: async () => ({ lostId: 'lost', isRollout: false, kind: 'server_reboot', hasEnded: false }),
    beginConvergence: async () => ({ isCommitted: true, leftovers: nothing }),
    endConvergence: async () => {},
    finishLost: async () => {},
    ...others,
  }
  const noteOf = (name: string, { order, change, gatewayId }: { order?: number; change?: string; gatewayId?: string }) => {
    if (order !== undefined) orders.push(order)
    return [name, change, gatewayId].filter(Boolean).join(' ')
  }
  const { asked, ending } = await runOperation(workflow, activities, { noteOf })
  return { asked, orders, ending }
}

/** The gateways are told side by side: their order among each other is nobody's business. */
const phasesOf = (asked: readonly string[]): string[] => {
  const names = asked.map((line) => line.replace(/ gateway-\d$/, ''))
  const grouped = names.map((name) => name.replace(/^(writeRevision|applyRevision)/, 'publish'))
  return grouped.filter((name, index) => name !== grouped[index - 1])
}

const left = ['planReboot', 'askServer', 'leaveGateways', 'publish leave', 'drainGateway', 'commitReboot']
const handedOver = ['stopScheduler', 'startScheduler', 'stopScheduler', 'recordHandover']
const back = ['resumeContainers', 'verifyRebooted', 'enterGateways', 'publish enter', 'recordRebooted']
const refuse = (code: string) => () => Promise.reject(failure(code))

describe('a server that is restarted', () => {
  it('leaves every gateway, is drained, hands over who ticks, restarts, proves itself and enters again', async () => {
    const { asked, orders, ending } = await run('server_reboot')
    expect(phasesOf(asked)).toEqual([...left, 'planRebootCompletion', ...handedOver, 'rebootServer', ...back])
    expect(asked.filter((line) => line.startsWith('drainGateway'))).toHaveLength(3)
    expect(orders.toSorted((one, other) => one - other)).toEqual([...new Set(orders)].toSorted((one, other) => one - other))
    expect(ending).toEqual({ status: 'succeeded', outcome: 'rebooted' })
  })

  it('that does not answer is not restarted, and nothing changes', async () => {
    const { asked, ending } = await run('server_reboot', {
      askServer: refuse('ssh_unreachable'),
      beginConvergence: async () => ({ isCommitted: false, leftovers: { ...nothing, environmentIds: [] } }),
    })
    expect(asked).toEqual(['planReboot', ...asked.filter((line) => line === 'askServer'), 'beginConvergence', 'endConvergence'])
    expect(ending).toMatchObject({ status: 'failed', failure: { code: 'ssh_unreachable' } })
  }, 180_000)

  it('is put back where a gateway cannot be told, by the sections of all its environments', async () => {
    const written: unknown[] = []
    const { asked, ending } = await run('server_reboot', {
      async writeRevision({ change, owned }: { change: string; owned: unknown }) {
        written.push({ change, owned })
        return { phase: change }
      },
      async applyRevision({ change }: { change: string }) {
        if (change === 'leave') throw failure('gateway_away')
      },
      beginConvergence: async () => ({
        isCommitted: false,
        leftovers: { ...nothing, environmentIds: ['shop', 'blog'], gateways: [{ gatewayId: 'gateway-1', serverId: 's1', serverName: 's1' }] },
      }),
    })
    expect(written).toContainEqual({ change: 'previous', owned: { environmentIds: ['shop', 'blog'] } })
    expect(asked).not.toContain('rebootServer')
    expect(ending).toMatchObject({ status: 'failed', failure: { code: 'gateway_away' } })
  })

  it.each([
    ['does not come back', 'rebootServer', 'ssh_unreachable', 'server_not_back'],
    ['does not run what it ran', 'resumeContainers', 'containers_not_back', 'containers_not_back'],
    ['is not as it was made ready', 'verifyRebooted', 'step_failed', 'step_failed'],
  ])('that %s fails with the cause, stays out of the gateways and is looked after', async (_, activity, cause, code) => {
    const silent: unknown[] = []
    const abandonReboot = async ({ isSilent }: { isSilent: boolean }) => void silent.push(isSilent)
    const { asked, ending } = await run('server_reboot', { [activity]: refuse(cause), abandonReboot })
    expect(asked.at(-1)).toBe('abandonReboot')
    expect(asked).not.toContain('enterGateways')
    expect(silent).toEqual([code === 'server_not_back'])
    const message = expect.stringContaining('s2 has not come back from its reboot')
    expect(ending).toMatchObject({ status: 'failed', failure: { code, message, server: 's2', hint: expect.stringContaining('remove s2') } })
  })

  it('restarts although nobody takes over who ticks there', async () => {
    const { asked, ending } = await run('server_reboot', { startScheduler: refuse('step_failed') })
    expect(asked).toContain('addWarning')
    expect(asked).toContain('rebootServer')
    expect(ending).toEqual({ status: 'succeeded', outcome: 'rebooted' })
  })
})

describe('a reboot that is recovered', () => {
  it('goes forward where its workflow was lost', async () => {
    const { asked, ending } = await run('operation_recover')
    expect(phasesOf(asked)).toEqual(['takeOver', 'beginConvergence', 'planRebootCompletion', ...handedOver, 'rebootServer', ...back, 'finishLost'])
    expect(ending).toEqual({ status: 'succeeded', outcome: 'completed' })
  })

  it('brings the server back without another restart where it had failed', async () => {
    const takeOver = async () => ({ lostId: 'lost', isRollout: false, kind: 'server_reboot', hasEnded: true })
    const { asked, ending } = await run('operation_recover', { takeOver })
    expect(phasesOf(asked)).toEqual(['takeOver', 'beginConvergence', 'planRebootCompletion', 'askServer', ...back, 'finishLost'])
    expect(ending).toEqual({ status: 'succeeded', outcome: 'completed' })
  })

  it('is over where the server was removed meanwhile', async () => {
    const { asked } = await run('operation_recover', { planRebootCompletion: async () => ({ ...completion, isGone: true }) })
    expect(asked).toEqual(['takeOver', 'beginConvergence', 'planRebootCompletion', 'recordRebooted', 'finishLost'])
  })

  it('fails as the reboot does where the server is still away', async () => {
    const endings: unknown[] = []
    const { ending } = await run('operation_recover', {
      rebootServer: refuse('ssh_unreachable'),
      finishLost: async (input: object) => void endings.push(input),
    })
    expect(endings).toEqual([expect.objectContaining({ operationId: 'lost', isCommitted: true, failure: expect.objectContaining({ code: 'server_not_back' }) })])
    expect(ending).toMatchObject({ status: 'failed', failure: { code: 'server_not_back' } })
  })
})
