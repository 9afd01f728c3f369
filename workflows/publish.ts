import { ApplicationFailure } from '@temporalio/workflow'
import type { GatewayChange } from '../activities/gateways.ts'
import type { Owned } from '../activities/gateway-sections.ts'
import type { OperationId, ServiceId } from '../domain/ids.ts'
import { control, remote } from './proxies.ts'

/** A change of a gateway's configuration, as the steps `order` and, for a second try, `order` + 1. */
export interface Publication {
  operationId: OperationId
  gatewayId: ServiceId
  serverName: string
  change: GatewayChange
  owned: Owned
  order: number
}

/**
 * Writes a gateway's next revision and has it applied and confirmed. When Caddy refuses the text, others may be at fault: it is
 * tried once more with what they applied last, so that only the culprit's operation fails (design section 7), as
 * `gateway_refused`.
 */
export async function publish({ serverName, order, ...revision }: Publication): Promise<void> {
  const { operationId, gatewayId } = revision
  const apply = async (isAlone: boolean) => {
    const { phase } = await control.writeRevision({ ...revision, isAlone })
    const summary = `apply gateway configuration (${revision.change}) on ${serverName}`
    const step = { operationId, gatewayId, phase, order: isAlone ? order + 1 : order }
    await remote.applyRevision.executeWithOptions({ summary }, [step])
  }
  try {
    await apply(false)
  } catch (error) {
    if (!isRefusal(error)) throw error
    await apply(true)
  }
}

/** The activity's own failure, within the one that Temporal wraps it in. */
const isRefusal = (error: unknown): boolean =>
  error instanceof Error && error.cause instanceof ApplicationFailure && error.cause.type === 'gateway_refused'
