/**
 * Numbers of the steps within their operation, constant per kind: a retry finds its step by it. Lists count on from theirs, with room for
 * the replicas of five hundred servers.
 */
export const stepNumbers = {
  buyServer: { create: 2, hostKey: 4, givenHostKey: 6 },
  /** And of server_harden, which is a part of it. Access is closed and proven as often as it takes, with two numbers each time. */
  serverProvision: {
    ...{ system: 10, user: 20, packages: 30, findDocker: 40, docker: 41, ban: 50, upToDate: 60 },
    ...{ firewall: 70, access: 80, verify: 90 },
  },
  serviceDeploy: { firewall: 10, resolveImage: 2000, check: 4000, routes: 6000 },
  replicaDeploy: { start: 10 },
  sliceProvision: { provision: 10, firewall: 20 },
  sliceConfigure: { configure: 10 },
  sliceDetach: { firewall: 10 },
  sliceRemove: { remove: 10 },
  /** Behind the pull, which is as in a deploy of the service. */
  serviceUpdate: { start: 3000, removeImage: 3010 },
  credentialRotation: { admit: 10, retire: 20 },
  environmentDeploy: {
    ...{ compare: 5, baseImages: 10, build: 20, migrateBefore: 30, commandsBefore: 31, migrateAfter: 50, commandsAfter: 51 },
    ...{ releaseScheduler: 2000, startScheduler: 4000, stopScheduler: 6000, retire: 8000, drain: 12_000, prune: 14_000, pull: 16_000 },
    ...{ openPorts: 18_000, closePorts: 20_000 },
  },
  /** And of a configuration change. From the start of the replicas on both are as a deploy. */
  environmentRollback: { findImage: 20 },
  migrationRun: { migrate: 10 },
  commandRun: { run: 10 },
  gateway: { ask: 10, configure: 20, switch: 30, firewall: 40 },
  serviceRestart: { restart: 10 },
  serverKeyRotation: { admit: 10, retire: 20 },
  serverRemove: { remove: 10 },
  /** Gateways and drains, then the schedulers that are handed over, then the server itself, then the gateways again. */
  serverReboot: {
    ...{ leave: 10, drain: 6000, releaseScheduler: 8000, startScheduler: 9000, stopScheduler: 10_000 },
    ...{ reboot: 12_000, resume: 12_010, verify: 12_020, enter: 14_000 },
  },
  /** Of what stops or is removed, and of the recovery of both. */
  ending: { schedulers: 10, workers: 2000, gateways: 4000, drain: 10_000, replicas: 12_000, firewall: 16_000, cleanUp: 18_000, prune: 20_000 },
  volumeRemove: { remove: 10 },
  /** Of every kind that is taken back, and of its recovery. */
  convergence: { stopOneOffs: 30_000, replicas: 32_000, images: 36_000, gateways: 40_000, drain: 50_000, forget: 55_000, restore: 60_000, closePorts: 65_000, withdraw: 70_000 },
} as const

/** A change of a gateway has as many numbers: each try of it is a step of its own. */
export const stepsPerGateway = 10
