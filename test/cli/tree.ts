import type { OperationTree, Step } from '../../cli/client.ts'

const at = (seconds: number) => new Date(seconds * 1000).toISOString()

export const step = (name: string, overrides: Partial<Step> = {}): Step => ({
  ...{ id: name, order: 1, name, server: { id: 'server', name: 'web-1' }, status: 'succeeded', run: 1, exitCode: 0 },
  ...{ startedAt: at(0), finishedAt: at(2) },
  ...overrides,
})

export const operation = (summary: string, overrides: Partial<OperationTree> = {}): OperationTree => ({
  ...{ id: summary, parentId: null, hash: 'abc', kind: 'environment_deploy', targetType: 'environment', targetId: 'environment' },
  ...{ status: 'running', summary, input: {}, outcome: null, warnings: [], failure: null, trigger: { by: 'api', actor: 'ada@example.com' } },
  ...{ retryOf: null, temporal: { workflowId: 'w', namespace: 'default', webUrl: null }, committedAt: null, cancelRequestedAt: null },
  ...{ startedAt: at(0), finishedAt: null, createdAt: at(0), steps: [], children: [] },
  ...overrides,
})
