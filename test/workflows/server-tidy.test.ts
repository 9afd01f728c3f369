import { ApplicationFailure } from '@temporalio/common'
import { expect, it } from 'vitest'
import { workflowRunner } from './run-workflow.ts'

const runWorkflow = workflowRunner()

it('each server is tidied up, whatever the others are like, and what was removed is told', async () => {
  const result = await runWorkflow('server_tidy', {
    planWatch: async () => ({ servers: ['s1', 's2'].map((name) => ({ id: name, organisationId: 'organisation', name })) }),
    async tidyServer({ server: { name } }: { server: { name: string } }) {
      if (name === 's1') throw ApplicationFailure.nonRetryable('it does not answer')
      return { removed: ['Removed /home/keystone/operations/0123456789ab'] }
    },
  })
  expect(result).toEqual({
    servers: 2,
    said: expect.arrayContaining(['s1: it does not answer', 's2: Removed /home/keystone/operations/0123456789ab']),
  })
})
