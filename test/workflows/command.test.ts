import { describe, expect, it } from 'vitest'
import { type Activities, failure, nothing, on, operationRunner } from './run-operation.ts'

const runOperation = operationRunner()

/** Runs a command by hand whose activities note what they were asked; those that are named here do something else. */
async function command(others: Activities = {}) {
  const inputs: unknown[] = []
  const activities = {
    planCommand: async () => ({ replicaId: 'web', serverName: 's1', command: 'php artisan about', image: { reference: 'sha256:live', isLocal: true } }),
    runCommand: async () => {},
    recordCommand: async () => {},
    beginConvergence: async () => ({ isCommitted: false, leftovers: { ...nothing, environmentId: 'environment', servers: [on] } }),
    stopWork: async () => {},
    endConvergence: async () => {},
    ...others,
  }
  const noteOf = (name: string, input: unknown) => {
    inputs.push(input)
    return name
  }
  return { inputs, ...(await runOperation('command_run', activities, { noteOf })) }
}

describe('a command by hand', () => {
  it('runs with the image of what is live, and is done', async () => {
    const { inputs, asked, ending } = await command()
    expect(asked).toEqual(['planCommand', 'runCommand', 'recordCommand'])
    expect(inputs[1]).toEqual({
      ...{ operationId: 'operation', order: 10, name: 'command', replicaId: 'web' },
      ...{ command: 'php artisan about', image: { reference: 'sha256:live', isLocal: true } },
    })
    expect(ending).toEqual({ status: 'succeeded', outcome: 'exited with 0' })
  })

  it.each(['step_failed', 'outcome_unknown'])('that ends as %s is not run again: its container is ended, and nothing else is touched', async (code) => {
    const { asked, ending } = await command({ runCommand: () => Promise.reject(failure(code)) })
    expect(asked).toEqual(['planCommand', 'runCommand', 'beginConvergence', 'stopWork', 'endConvergence'])
    expect(ending).toMatchObject({ status: 'failed', failure: { code } })
  })

  it('that is cancelled has its container ended', async () => {
    const { asked, ending } = await command({ runCommand: () => Promise.reject(failure('cancel_requested')) })
    expect(asked.slice(2)).toEqual(['beginConvergence', 'stopWork', 'endConvergence'])
    expect(ending).toEqual({ status: 'cancelled' })
  })

  it('that cannot be planned has nothing to be ended', async () => {
    const { asked, ending } = await command({ planCommand: () => Promise.reject(failure('service_not_running')) })
    expect(asked).toEqual(['planCommand'])
    expect(ending).toMatchObject({ status: 'failed', failure: { code: 'service_not_running' } })
  })

  it('whose end could not be recorded at once went well all the same', async () => {
    const { ending } = await command({
      recordCommand: () => Promise.reject(failure('unexpected')),
      beginConvergence: async () => ({ isCommitted: true, leftovers: nothing }),
    })
    expect(ending).toEqual({ status: 'succeeded', outcome: 'exited with 0' })
  })
})
