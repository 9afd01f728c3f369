import type { AttachedSlice } from '../db/attachments.ts'
import { serviceDriver } from '../drivers/services/registry.ts'

/** Names of the variables that an attached slice gives to its environment; their values are made anew for every replica. */
export function exportedNames(
  { driverName, config, envPrefix }: Pick<AttachedSlice, 'driverName' | 'config' | 'envPrefix'>,
): string[] {
  const { slices } = serviceDriver(driverName)
  if (!slices) return []
  const placeholder = { endpoint: { host: 'placeholder', port: 1 }, prefix: envPrefix }
  return Object.keys(slices.configured({ config, credentials: slices.generateCredentials() }).exports(placeholder))
}
