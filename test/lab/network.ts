import { docker, dockerHas } from './docker.ts'

/** The names and addresses of one lab; every thing of it carries the label. */
export interface LabPlan {
  name: string
  label: string
  publicNetwork: string
  privateNetwork: string
  mirrorAddress: string
  registryAddress: string
  acmeAddress: string
  gitHostAddress: string
  /** The addresses of the server with this number, from 1. */
  addressesOf(number: number): { address: string; privateAddress: string }
}

/** `subnet` 60 means 10.60.0.0/24 in public and 10.60.1.0/24 in private. */
export function planLab(name: string, subnet: number): LabPlan {
  return {
    name,
    label: labelOf(name),
    publicNetwork: `${name}-public`,
    privateNetwork: `${name}-private`,
    mirrorAddress: `10.${subnet}.0.2`,
    registryAddress: `10.${subnet}.0.3`,
    acmeAddress: `10.${subnet}.0.4`,
    gitHostAddress: `10.${subnet}.0.5`,
    addressesOf: (number) => ({ address: `10.${subnet}.0.${10 + number}`, privateAddress: `10.${subnet}.1.${10 + number}` }),
  }
}

export const labelOf = (lab: string) => `keystone.lab=${lab}`

/** Makes the two networks of a lab where they are not there: one as the internet, and one that has no way out. */
export async function openNetworks(plan: LabPlan, subnet: number): Promise<void> {
  await openNetwork(plan, plan.publicNetwork, `10.${subnet}.0.0/24`)
  await openNetwork(plan, plan.privateNetwork, `10.${subnet}.1.0/24`, '--internal')
}

async function openNetwork({ label }: LabPlan, network: string, range: string, ...options: string[]): Promise<void> {
  if (await dockerHas('network', network)) return
  await docker(['network', 'create', '--label', label, '--subnet', range, ...options, network])
}
