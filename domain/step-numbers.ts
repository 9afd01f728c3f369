/** Numbers of the steps within their operation, constant per kind: a retry finds its step by it. Lists count on from theirs. */
export const stepNumbers = {
  serverProvision: { prepare: 10, firewall: 15, verify: 20 },
  serviceDeploy: { firewall: 5, resolveImage: 10 },
  replicaDeploy: { start: 10 },
  sliceProvision: { provision: 10, firewall: 20 },
  environmentDeploy: {
    ...{ baseImages: 10, build: 20, migrateBefore: 30, migrateAfter: 50 },
    ...{ releaseScheduler: 100, startScheduler: 300, stopScheduler: 500, retire: 700, drain: 1000, prune: 1600, pull: 1800 },
    ...{ openPorts: 2000, closePorts: 2300 },
  },
  /** From the start of the replicas on it is as a deploy. */
  environmentRollback: { findImage: 20 },
  gateway: { ask: 10, configure: 20, switch: 30, firewall: 40 },
  /** Of every kind that is taken back, and of its recovery. */
  convergence: { stopOneOffs: 3000, replicas: 3300, images: 3900, gateways: 4000, closePorts: 8000 },
} as const

/** A change of a gateway has as many numbers: each try of it is a step of its own. */
export const stepsPerGateway = 10
