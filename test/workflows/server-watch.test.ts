import { ApplicationFailure } from '@temporalio/common'
import { expect, it } from 'vitest'
import { workflowRunner } from './run-workflow.ts'

const runWorkflow = workflowRunner()

it('each server is looked at, whatever the others are like, and what was said is told', async () => {
  const asked: string[] = []
  const result = await runWorkflow('server_watch', {
    planWatch: async () => ({ servers: ['s1', 's2'].map((name) => ({ id: name, organisationId: 'organisation', name })) }),
    async observeServer({ server: { name } }: { server: { name: string } }) {
      asked.push(name)
      if (name === 's1') throw ApplicationFailure.nonRetryable('s1 could not tell how it is')
      return { isReachable: true, said: ['a file has been changed'] }
    },
  })
  expect(asked.toSorted()).toEqual(['s1', 's2'])
  expect(result).toEqual({ servers: 2, said: expect.arrayContaining(['a file has been changed', 's1: s1 could not tell how it is']) })
})
