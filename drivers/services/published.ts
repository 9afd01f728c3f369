import type { ReplicaInput } from './contract-step.ts'

/** Compose's short form; always on one address of the server, never on all of them. */
export const publishedPorts = ({ publish }: ReplicaInput): string[] =>
  publish.map(({ address, hostPort, containerPort }) => `${address}:${hostPort}:${containerPort}`)
