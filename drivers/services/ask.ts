import { gatewayNetwork } from '../../domain/services.ts'
import type { AskedReplica } from './contract-gateway.ts'
import { lines, textBeside } from './scripts.ts'

/** After `containersScript`: a gateway asks replicas; it needs the inputs of `askInputs`. */
export const askScript = textBeside(import.meta.url, 'ask.sh')

/** `gateway`: the container that asks. */
export const askInputs = (gateway: string, asked: readonly AskedReplica[]): Record<string, string> => ({
  ...{ GATEWAY: gateway, GATEWAY_NETWORK: gatewayNetwork, ASKED: lines(asked.map(question)) },
})

/** A line of `ASKED`; none of its words can hold white space. */
const question = ({ containerName, address, port, path }: AskedReplica): string =>
  [containerName, port, path, ...(address === null ? [] : [address])].join(' ')
