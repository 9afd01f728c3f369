import type { ReplicaId, ServerId } from './ids.ts'

/** `single`: one replica ticks. `every_replica`: each replica of the target service does (specification section 8). */
export const schedulerModes = ['single', 'every_replica'] as const
export type SchedulerMode = (typeof schedulerModes)[number]

/** A replica whose scheduler ticks, or shall. */
export interface SchedulerPlace {
  replicaId: ReplicaId
  serverId: ServerId
  serverName: string
}

/** The charge of ticking passes from one replica to another; from nobody where it is new, to nobody where it ends. */
export interface SchedulerHandover {
  from: SchedulerPlace | null
  to: SchedulerPlace | null
}

/**
 * Who follows whom, so that those tick who shall: on the same server where that can be, since there one step does it. A replica
 * that ticks and shall go on is not named.
 */
export function schedulerHandovers(ticking: readonly SchedulerPlace[], wanted: readonly SchedulerPlace[]): SchedulerHandover[] {
  const leaving = without(ticking, wanted)
  const take = (isFit: (place: SchedulerPlace) => boolean) => {
    const index = leaving.findIndex(isFit)
    return index < 0 ? null : (leaving.splice(index, 1)[0] ?? null)
  }
  const near = without(wanted, ticking).map((to) => ({ to, from: take(({ serverId }) => serverId === to.serverId) }))
  const paired = near.map(({ to, from }) => ({ to, from: from ?? take(() => true) }))
  return [...paired, ...leaving.map((from) => ({ from, to: null }))]
}

const without = (places: readonly SchedulerPlace[], others: readonly SchedulerPlace[]): SchedulerPlace[] =>
  places.filter(({ replicaId }) => !others.some((other) => other.replicaId === replicaId))
