import { SshError } from './errors.ts'
import { filesPart } from './parcel.ts'
import { quote } from './quote.ts'
import type { DurableStep, RemoteFile } from './remote.ts'

export type StepName = Pick<DurableStep, 'hash' | 'order' | 'name' | 'user'>

/** The arguments by which the remote scripts name a step; its folder is `<nn>-<name in lower case, with hyphens>`. */
export function stepArgs(server: string, { hash, order, name, user }: StepName): string[] {
  if (!/^[0-9a-f]{12}$/.test(hash)) throw invalid(server, hash, 'operation hash')
  if (!Number.isInteger(order) || order < 0) throw invalid(server, order, 'number of a step')
  const folderName = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-|-$/g, '')
  return [hash, String(order).padStart(2, '0'), folderName || 'step', user]
}

/** What a step's parcel carries beside the scripts of this driver. */
export function stepParts(server: string, step: DurableStep, boundary: string): RemoteFile[] {
  const secrets = Object.entries(step.secrets).map(([name, content]) => {
    if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(name)) throw invalid(server, name, 'name of a secret')
    return { path: `secrets/${name}`, content, mode: 0o600 }
  })
  return [
    { path: 'boundary', content: boundary, mode: 0o600 },
    { path: 'step/script.sh', content: step.script, mode: 0o600 },
    { path: 'step/inputs.sh', content: assignments(server, step.inputs), mode: 0o600 },
    ...filesPart(server, step.files),
    ...secrets,
  ]
}

function assignments(server: string, inputs: Record<string, string>): string {
  return Object.entries(inputs).map(([name, value]) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw invalid(server, name, 'name of a variable')
    return `${name}=${quote([value])}\n`
  }).join('')
}

function invalid(server: string, value: unknown, what: string): SshError {
  return new SshError('invalid_input', server, `${JSON.stringify(value)} is no ${what}`)
}
