import { isDeepStrictEqual } from 'node:util'
import type { StoredConfig } from '../drivers/services/contract-step.ts'
import { invalidField } from './problem.ts'

/** What happens once in a deployment is said of the web service alone. */
const webSettings = ['migration', 'preSwitchCommands', 'postSwitchCommands']

/** Throws a 422 where a worker or websocket service is to be given what counts of the web service alone, unless it is there already. */
export function refuseWebSettings(wished: StoredConfig, present: StoredConfig = {}): void {
  const name = webSettings.find((each) => each in wished && !isDeepStrictEqual(wished[each], present[each]))
  if (name) throw invalidField(`config.${name}`, 'belongs to the web service: set it there')
}
