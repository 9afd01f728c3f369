import { expect, it } from 'vitest'
import type { Ending } from '../../db/operations/finish.ts'
import type { SealedPosition } from '../../domain/sealed-places.ts'
import { workflowRunner } from './run-workflow.ts'

const runWorkflow = workflowRunner()

it('a rotation of the encryption key goes on batch after batch until there is none left', async () => {
  const visited: SealedPosition[] = []
  const endings: Ending[] = []
  await runWorkflow('key_rotation', {
    begin: async () => true,
    async resealBatch({ position }: { position: SealedPosition }) {
      visited.push(position)
      return visited.length < 3 ? { column: visited.length, after: `${visited.length}` } : null
    },
    finish: async ({ ending }: { ending: Ending }) => void endings.push(ending),
  })
  expect(visited).toEqual([{ column: 0, after: null }, { column: 1, after: '1' }, { column: 2, after: '2' }])
  expect(endings).toEqual([{ status: 'succeeded', outcome: 'encrypted' }])
})
