import type { Failure } from './operations.ts'

/** Why a server cannot be worked on over Keystone's own login; null where it can. One that has not answered lately may be tried. */
export function readinessRefusal({ name, status }: { name: string; status: string }): Failure | null {
  if (status === 'active' || status === 'unreachable') return null
  return { code: 'server_not_ready', message: `${name} is ${status}, not active.`, hint: 'Provision it first.' }
}
