import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import type { Machine, MachineOwner, MachineWish } from '../contract.ts'
import { ProviderError } from '../errors.ts'
import type { HetznerClient } from './client.ts'
import { label, oneLine } from './errors.ts'
import { ensureNetwork } from './networks.ts'
import { type Action, actionSchema, type HetznerServer } from './replies.ts'
import { keyKind, madeOnce, serverKind, serverLabels, thingsOf } from './things.ts'

/** How a machine is waited for. */
export interface Patience {
  pollMilliseconds: number
  longestSeconds: number
  signal?: AbortSignal | undefined
}

/** Has the machine of a server running, whatever of it there was. */
export async function provideMachine(client: HetznerClient, wish: MachineWish, patience: Patience): Promise<Machine> {
  const { id: keyId } = await ensureKey(client, wish)
  const networkId = wish.network === null ? null : await ensureNetwork(client, wish, wish.network)
  const { id } = await ensureServer(client, wish, { keyId, networkId })
  return running(client, { id, networkId, wish }, patience)
}

/** Names are unique in a project: no second machine can be made for a server. People know the first part of it, `web-1-8f3a52c0d1e2`. */
const machineName = ({ name, serverId }: MachineWish): string => `${name.slice(0, 50)}-${serverId.slice(-12)}`

function ensureKey(client: HetznerClient, wish: MachineWish) {
  return madeOnce(client, keyKind, { name: machineName(wish), labels: serverLabels(wish), public_key: wish.loginKey })
}

function ensureServer(client: HetznerClient, wish: MachineWish, { keyId, networkId }: { keyId: number; networkId: number | null }): Promise<HetznerServer> {
  return madeOnce(client, serverKind, {
    ...{ name: machineName(wish), labels: serverLabels(wish) },
    ...{ server_type: wish.type, image: wish.image, location: wish.location },
    ...{ ssh_keys: [keyId], ...(networkId === null ? {} : { networks: [networkId] }), user_data: wish.firstBoot.reveal() },
    ...{ public_net: { enable_ipv4: true, enable_ipv6: true }, start_after_create: true },
  })
}

interface Awaited {
  id: number
  networkId: number | null
  wish: MachineWish
}

/**
 * Waits for every action that the machine was made by, the first and all that follow it, and then for the machine itself. It is asked for
 * them anew each time, since the answer that named them may have been lost.
 */
async function running(client: HetznerClient, { id, networkId, wish }: Awaited, patience: Patience): Promise<Machine> {
  const isLate = deadline(patience)
  for (;;) {
    const actions = await client.list({ path: `/servers/${id}/actions`, name: 'actions' }, actionSchema)
    const failed = actions.find(({ status }) => status === 'error')
    if (failed) throw await givenUp(client, { wish, failed }, patience)
    const server = await client.ask({ method: 'GET', path: `/servers/${id}` }, serverKind.reply)
    const machine = machineOf(server, networkId)
    if (machine && actions.every(({ status }) => status === 'success')) return machine
    if (isLate()) {
      const advice = 'look for it in the console there; another try goes on with it, and removing the server removes it'
      throw new ProviderError('machine_not_running', `${label}: ${server.name} is ${server.status} after ${patience.longestSeconds} s: ${advice}`)
    }
    await nextLook(patience)
  }
}

/** Null as long as it does not run with all the addresses that it is to have. */
function machineOf({ id, status, public_net: { ipv4 }, private_net: networks }: HetznerServer, networkId: number | null): Machine | null {
  const own = networks.find(({ network }) => network === networkId)
  if (status !== 'running' || !ipv4 || (networkId !== null && !own)) return null
  return { id: `${id}`, address: ipv4.ip, privateAddress: own?.ip ?? null }
}

/** What could not be made is not kept and paid for. */
async function givenUp(client: HetznerClient, { wish, failed }: { wish: MachineWish; failed: Action }, patience: Patience): Promise<ProviderError> {
  await removeMachine(client, wish, patience)
  const { command, error } = failed
  const reason = error ? `${error.code}: ${oneLine(error.message)}` : 'without a reason'
  const advice = 'what there was of it has been removed there. Try again, or choose another type or location'
  return new ProviderError('machine_failed', `${label} could not make the machine (${command} failed, ${reason}): ${advice}`)
}

/** Removes the machines and keys of a server, and returns when they have gone. */
export async function removeMachine(client: HetznerClient, owner: MachineOwner, patience: Patience): Promise<void> {
  for (const { id } of await thingsOf(client, serverKind, serverLabels(owner))) await orGone(removeServer(client, id, patience))
  for (const { id } of await thingsOf(client, keyKind, serverLabels(owner))) await orGone(client.ask({ method: 'DELETE', path: `/ssh_keys/${id}` }, z.null()))
}

/** What an earlier try has removed may go at any moment. */
async function orGone(removal: Promise<unknown>): Promise<void> {
  await removal.catch((error: unknown) => {
    if (!(error instanceof ProviderError && error.code === 'not_found')) throw error
  })
}

async function removeServer(client: HetznerClient, id: number, patience: Patience): Promise<void> {
  const isLate = deadline(patience)
  let { action } = await client.ask({ method: 'DELETE', path: `/servers/${id}` }, z.object({ action: actionSchema }))
  while (action.status === 'running') {
    if (isLate()) throw new ProviderError('unavailable', `${label} has not removed the machine within ${patience.longestSeconds} s: it is tried again`)
    await nextLook(patience)
    action = (await client.ask({ method: 'GET', path: `/actions/${action.id}` }, z.object({ action: actionSchema }))).action
  }
  if (action.status === 'success') return
  throw new ProviderError('unavailable', `${label} could not remove the machine (${oneLine(action.error?.message ?? 'without a reason')}): it is tried again`)
}

function deadline({ longestSeconds }: Patience): () => boolean {
  const end = performance.now() + longestSeconds * 1000
  return () => performance.now() > end
}

const nextLook = ({ pollMilliseconds, signal }: Patience): Promise<void> => pause(pollMilliseconds, undefined, signal ? { signal } : {})
