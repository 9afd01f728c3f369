import { describe, expect, it } from 'vitest'
import { failure, on, operationRunner } from './run-operation.ts'

const runOperation = operationRunner()

const commit = 'a'.repeat(40)
/** A plan that changes nothing is enough to see that it was made. */
const unchanged = { isUnchanged: true, firewalls: [] }

interface Deploy {
  comparison?: typeof on | null
  verdict?: string
  /** Somebody has asked for it. */
  isNamed?: boolean
  head?: () => Promise<object>
}

/** Deploys what a push has caused. */
async function deploy({ comparison = null, verdict = 'wanted', isNamed = false, head = async () => ({ commit, comparison }) }: Deploy = {}) {
  const activities = { resolveHead: head, compareHead: async () => verdict, planDeploy: async () => unchanged }
  return runOperation('environment_deploy', activities, { beside: isNamed ? {} : { followsBranch: true } })
}

describe('a deployment that a push has caused', () => {
  it('looks up its commit before it is planned', async () => {
    const { asked, ending } = await deploy()
    expect(asked).toEqual(['resolveHead', 'planDeploy'])
    expect(ending).toEqual({ status: 'succeeded', outcome: 'unchanged' })
  })

  it('has git compare where nobody else can tell whether it is wanted', async () => {
    expect((await deploy({ comparison: on })).asked).toEqual(['resolveHead', 'compareHead', 'planDeploy'])
  })

  it.each(['outside_trigger_paths', 'skip_requested'])('that is not wanted ends as %s, and changes nothing', async (verdict) => {
    const { asked, ending } = await deploy({ comparison: on, verdict })
    expect(asked).toEqual(['resolveHead', 'compareHead'])
    expect(ending).toEqual({ status: 'succeeded', outcome: verdict })
  })

  it('fails with what keeps its branch from being looked up', async () => {
    const head = async () => {
      throw failure('source_branch_not_found')
    }
    const { asked, ending } = await deploy({ head })
    expect(asked).toEqual(['resolveHead'])
    expect(ending).toMatchObject({ status: 'failed', failure: { code: 'source_branch_not_found' } })
  })
})

it('a deployment that somebody has asked for has its commit', async () => {
  expect((await deploy({ isNamed: true })).asked).toEqual(['planDeploy'])
})
