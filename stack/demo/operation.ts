import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import type { ApiClient } from './client.ts'

const stepSchema = z.object({
  order: z.number(),
  name: z.string(),
  server: z.object({ name: z.string() }).nullable(),
  status: z.string(),
  exitCode: z.number().nullable(),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime().nullable(),
})

const failureSchema = z.object({
  code: z.string(),
  message: z.string(),
  server: z.string().optional(),
  step: z.string().optional(),
  exitCode: z.number().optional(),
  command: z.string().optional(),
  tail: z.string().optional(),
  hint: z.string().optional(),
})

export const operationSchema = z.object({
  id: z.string(),
  hash: z.string(),
  kind: z.string(),
  status: z.string(),
  summary: z.string(),
  outcome: z.string().nullable(),
  failure: failureSchema.nullable(),
  warnings: z.array(z.object({ code: z.string(), message: z.string() })),
  temporal: z.object({ workflowId: z.string(), webUrl: z.string().nullable() }),
  committedAt: z.iso.datetime().nullable(),
  startedAt: z.iso.datetime().nullable(),
  finishedAt: z.iso.datetime().nullable(),
})

export const operationTreeSchema = operationSchema.extend({
  steps: z.array(stepSchema),
  get children() {
    return z.array(operationTreeSchema)
  },
})

export type Operation = z.infer<typeof operationSchema>
export type OperationTree = z.infer<typeof operationTreeSchema>
export type Step = z.infer<typeof stepSchema>

/** All steps of an operation and its children. */
export const stepsOf = (tree: OperationTree): Step[] => [...tree.steps, ...tree.children.flatMap(stepsOf)]

export interface Watching {
  client: ApiClient
  organisationId: string
  operationId: string
  /** Told the whole tree whenever it has changed. */
  onChange?: (tree: OperationTree) => void
}

const reconnectMilliseconds = 500

/** Watches an operation over server-sent events to its end, also when the API goes away on the way; returns its final tree. */
export async function finished({ client, organisationId, operationId, onChange = () => {} }: Watching): Promise<OperationTree> {
  const path = `/organisations/${organisationId}/operations/${operationId}`
  let lastEventId: string | undefined
  for (;;) {
    try {
      for await (const { event, id, data } of client.events(`${path}/events`, lastEventId)) {
        lastEventId = id ?? lastEventId
        if (event === 'operation') onChange(operationTreeSchema.parse(data))
        if (event === 'end') return await client.get(path, operationTreeSchema)
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error // what fetch throws where nobody answers
    }
    await pause(reconnectMilliseconds)
  }
}
