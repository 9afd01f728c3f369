import type { ServerRemoval } from '../activities/providers.ts'
import { control, machines } from './proxies.ts'

/** What follows the commit point of a removal: a machine that was bought goes for good; one that was adopted stays as it is. */
export async function removeServer(work: ServerRemoval): Promise<void> {
  const { name, isBought } = await control.planServerRemoval(work)
  if (isBought) await machines.removeMachine.executeWithOptions({ summary: `remove the machine of ${name}` }, [work])
  await control.recordServerRemoved(work)
}
