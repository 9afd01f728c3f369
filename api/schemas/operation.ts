import { z } from '@hono/zod-openapi'
import type { OperationTree, StepView } from '../../db/operation-views.ts'
import type { Operation } from '../../db/operations/request.ts'
import { operationKinds, operationStatuses, stepStatuses, targetTypes, workflowId } from '../../domain/operations.ts'
import type { ApiDependencies } from '../context.ts'
import { moment } from './fields.ts'
import { presentWarning, warningSchema } from './warning.ts'

const failureSchema = z.object({
  code: z.string(),
  message: z.string(),
  server: z.string().optional(),
  step: z.string().optional(),
  exitCode: z.int().optional(),
  command: z.string().optional().openapi({ description: 'The command of yours that the step ran.' }),
  tail: z.string().optional().openapi({ description: 'The last lines, at most 1 KB, without secrets.' }),
  hint: z.string().optional().openapi({ description: 'What you can do.' }),
})

export const triggerSchema = z.object({
  by: z.enum(['api', 'webhook', 'schedule', 'operation']),
  actor: z.string(),
  cause: z.string().optional(),
})

const temporalSchema = z.object({
  workflowId: z.string(),
  namespace: z.string(),
  webUrl: z.url().nullable().openapi({ description: 'The workflow in the Temporal Web UI.' }),
})

export const operationSchema = z
  .object({
    id: z.uuid(),
    parentId: z.uuid().nullable(),
    hash: z.string().openapi({ description: 'Names folders and units on servers.' }),
    kind: z.enum(operationKinds),
    targetType: z.enum(targetTypes),
    targetId: z.uuid(),
    status: z.enum(operationStatuses),
    summary: z.string(),
    input: z.record(z.string(), z.unknown()),
    outcome: z.string().nullable(),
    warnings: z.array(warningSchema),
    failure: failureSchema.nullable(),
    trigger: triggerSchema,
    retryOf: z.uuid().nullable(),
    temporal: temporalSchema,
    committedAt: moment.nullable(),
    cancelRequestedAt: moment.nullable(),
    startedAt: moment.nullable(),
    finishedAt: moment.nullable(),
    createdAt: moment,
  })
  .openapi('Operation')

const stepSchema = z
  .object({
    id: z.uuid(),
    order: z.int(),
    name: z.string(),
    server: z.object({ id: z.uuid(), name: z.string() }).nullable(),
    status: z.enum(stepStatuses),
    run: z.int(),
    exitCode: z.int().nullable(),
    startedAt: moment,
    finishedAt: moment.nullable(),
  })
  .openapi('OperationStep')

export const operationTreeSchema = operationSchema
  .extend({
    steps: z.array(stepSchema),
    get children() {
      return z.array(operationTreeSchema)
    },
  })
  .openapi('OperationTree')

const time = (date: Date | null) => date && date.toISOString()

/** An operation as people see it. */
export function presentOperation(operation: Operation, temporal: ApiDependencies['temporal']): z.infer<typeof operationSchema> {
  const { id, parentId, hash, kind, targetType, targetId, status, summary } = operation
  const { input, outcome, failure, trigger, retryOf } = operation
  return {
    ...{ id, parentId, hash, kind, targetType, targetId, status, summary, input, outcome, failure, trigger, retryOf },
    warnings: operation.warnings.map(presentWarning),
    temporal: presentWorkflow(operation, temporal),
    committedAt: time(operation.committedAt),
    cancelRequestedAt: time(operation.cancelRequestedAt),
    startedAt: time(operation.startedAt),
    finishedAt: time(operation.finishedAt),
    createdAt: operation.createdAt.toISOString(),
  }
}

function presentWorkflow(
  { kind, id }: Operation,
  { namespace, webUrl }: ApiDependencies['temporal'],
): z.infer<typeof temporalSchema> {
  const workflow = workflowId(kind, id)
  const page = webUrl && `${webUrl}/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflow)}`
  return { workflowId: workflow, namespace, webUrl: page }
}

function presentStep(
  { id, order, name, server, status, run, exitCode, startedAt, finishedAt }: StepView,
): z.infer<typeof stepSchema> {
  return { id, order, name, server, status, run, exitCode, startedAt: startedAt.toISOString(), finishedAt: time(finishedAt) }
}

export function presentTree(tree: OperationTree, temporal: ApiDependencies['temporal']): z.infer<typeof operationTreeSchema> {
  return {
    ...presentOperation(tree.operation, temporal),
    steps: tree.steps.map(presentStep),
    children: tree.children.map((child) => presentTree(child, temporal)),
  }
}
