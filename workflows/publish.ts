import { ApplicationFailure } from '@temporalio/workflow'
import type { GatewayChange } from '../activities/gateways.ts'
import type { Owned } from '../activities/gateway-sections.ts'
import type { OperationId, ServiceId } from '../domain/ids.ts'
import { stepsPerGateway } from '../domain/step-numbers.ts'
import { control, remote } from './proxies.ts'

/** A change of a gateway's configuration; each try of it is a step of its own, from `order` on. */
export interface Publication {
  operationId: OperationId
  gatewayId: ServiceId
  serverName: string
  change: GatewayChange
  owned: Owned
  order: number
}

const mostTries = stepsPerGateway / 2

/**
 * Writes a gateway's next revision and has it applied and confirmed. When Caddy refuses the text, others may be at fault: it is
 * tried with what they applied last, so that only the culprit's operation fails (design section 7), as `gateway_refused`. When
 * such a try of another operation has overtaken this one, it writes its change anew.
 */
export async function publish({ serverName, order, ...revision }: Publication): Promise<void> {
  const { operationId, gatewayId, change } = revision
  const summary = `apply gateway configuration (${change}) on ${serverName}`
  let isAlone = false
  for (let attempt = 0; ; attempt += 1) {
    const { phase } = await control.writeRevision({ ...revision, isAlone, attempt })
    try {
      const step = { operationId, gatewayId, phase, change, order: order + attempt }
      return await remote.applyRevision.executeWithOptions({ summary }, [step])
    } catch (error) {
      const cause = causeOf(error)
      const isWorthATry = (cause === 'gateway_refused' && !isAlone) || cause === 'section_not_live'
      if (!isWorthATry || attempt + 1 === mostTries) throw error
      isAlone ||= cause === 'gateway_refused'
    }
  }
}

/** The code of the activity's own failure, which Temporal wraps. */
const causeOf = (error: unknown) => (error instanceof Error && error.cause instanceof ApplicationFailure ? error.cause.type : null)
