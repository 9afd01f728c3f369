import { ApplicationFailure } from '@temporalio/common'
import { describe, expect, it } from 'vitest'
import type { RevisionToApply, GatewayRevision } from '../../activities/gateways.ts'
import type { Ending } from '../../db/operations/finish.ts'
import { workflowRunner } from './run-workflow.ts'

const runWorkflow = workflowRunner()

/** Runs `slice_configure` on a gateway whose answers to one try after the other are given; null is content. */
async function configure(answers: readonly (string | null)[]) {
  const written: Pick<GatewayRevision, 'isAlone' | 'attempt'>[] = []
  const orders: number[] = []
  const endings: Ending[] = []
  const nobody = { environmentId: null, servers: [], gateways: [], replicas: [], artifacts: [] }
  const activities = {
    begin: async () => true,
    planRoute: async () => ({ sliceId: 'slice', gatewayId: 'gateway', serverId: 'server', serverName: 's1' }),
    planFirewalls: async () => [],
    async writeRevision({ isAlone, attempt }: GatewayRevision) {
      written.push({ isAlone, attempt })
      return { phase: `${attempt}` }
    },
    async applyRevision({ order }: RevisionToApply) {
      const answer = answers[orders.length]
      orders.push(order)
      if (answer) throw ApplicationFailure.create({ type: answer, message: answer, nonRetryable: true, details: [{ code: answer, message: answer }] })
    },
    recordSliceReady: async () => {},
    beginConvergence: async () => ({ isCommitted: false, leftovers: nobody }),
    endConvergence: async () => {},
    finish: async ({ ending }: { ending: Ending }) => void endings.push(ending),
  }
  await runWorkflow('slice_configure', activities)
  return { written, orders, ending: endings[0] }
}

describe('a change of a gateway', () => {
  it('that is content is done with one revision', async () => {
    const { written, ending } = await configure([null])
    expect(written).toEqual([{ isAlone: false, attempt: 0 }])
    expect(ending).toMatchObject({ status: 'succeeded' })
  })

  it('that Caddy refuses is tried once more alone, as a step of its own', async () => {
    const { written, orders, ending } = await configure(['gateway_refused', null])
    expect(written).toEqual([{ isAlone: false, attempt: 0 }, { isAlone: true, attempt: 1 }])
    expect(new Set(orders).size).toBe(2)
    expect(ending).toMatchObject({ status: 'succeeded' })
  })

  it('that Caddy refuses alone too is the culprit', async () => {
    const { written, ending } = await configure(['gateway_refused', 'gateway_refused'])
    expect(written).toHaveLength(2)
    expect(ending).toMatchObject({ status: 'failed', failure: { code: 'gateway_refused' } })
  })

  it('that another one has overtaken is written anew', async () => {
    const { written, ending } = await configure(['section_not_live', 'gateway_refused', 'section_not_live', null])
    expect(written.map(({ isAlone }) => isAlone)).toEqual([false, false, true, true])
    expect(ending).toMatchObject({ status: 'succeeded' })
  })

  it('that is overtaken again and again fails', async () => {
    const { orders, ending } = await configure(Array.from({ length: 9 }, () => 'section_not_live'))
    expect(new Set(orders).size).toBe(5)
    expect(ending).toMatchObject({ status: 'failed', failure: { code: 'section_not_live' } })
  })

  it('that fails for another reason is not tried again', async () => {
    const { orders, ending } = await configure(['step_failed', null])
    expect(orders).toHaveLength(1)
    expect(ending).toMatchObject({ status: 'failed', failure: { code: 'step_failed' } })
  })
})
