import { expect, it } from 'vitest'
import { failure } from './run-operation.ts'
import { workflowRunner } from './run-workflow.ts'

const runWorkflow = workflowRunner()

it('each repository is looked at, whatever becomes of the others', async () => {
  const looked: string[] = []
  const result = await runWorkflow('branch_watch', {
    planBranchWatch: async () => ({ repositories: ['one', 'two'].map((repositoryUrl) => ({ organisationId: 'organisation', repositoryUrl })) }),
    async checkBranches({ repositoryUrl }: { repositoryUrl: string }) {
      looked.push(repositoryUrl)
      if (repositoryUrl === 'one') throw failure('source_access_denied')
      return { environments: 1 }
    },
  })
  expect(looked.toSorted()).toEqual(['one', 'two'])
  expect(result).toEqual({ repositories: 2, failures: ['one: source_access_denied'] })
})
