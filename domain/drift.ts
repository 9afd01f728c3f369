import type { Expected, ExpectedGateway, ExpectedReplica, Seen, SeenContainer } from './observations.ts'
import { meantRules, serverRules } from './server-rules.ts'

/** How a server differs from what Keystone made it. */
export const driftCodes = [
  'docker_silent',
  'container_missing',
  'container_stopped',
  'container_unhealthy',
  'container_replaced',
  'container_unknown',
  'image_changed',
  'limits_changed',
  'file_missing',
  'file_changed',
  'gateway_silent',
  'gateway_changed',
  'route_not_live',
  'firewall_changed',
  'rule_changed',
] as const
export type DriftCode = (typeof driftCodes)[number]

/** One difference between a server and the database. */
export interface Finding {
  code: DriftCode
  /** What differs: the name of a container, the path of a file, the domain of a route; with the code it tells findings of a server apart. */
  subject: string
  environmentId: string | null
  serviceId: string | null
  replicaId: string | null
  message: string
  hint: string
  expected: string | null
  found: string | null
}

/** All that a server's look differs in from what the database says. */
export function findDrift(expected: Expected, seen: Seen): Finding[] {
  return [
    ...(seen.containers === null ? [dockerSilent(expected)] : containerDrift(expected, seen.containers)),
    ...expected.replicas.flatMap((replica) => fileDrift(expected, replica, seen.files)),
    ...(expected.gateway && seen.containers !== null ? gatewayDrift(expected, expected.gateway, seen) : []),
    ...firewallDrift(expected, seen),
    ...rulesDrift(expected, seen),
  ]
}

const ofServer = { environmentId: null, serviceId: null, replicaId: null, expected: null, found: null }

const dockerSilent = ({ serverName }: Expected): Finding => ({
  ...ofServer,
  code: 'docker_silent',
  subject: 'docker',
  message: `Docker on ${serverName} does not answer.`,
  hint: 'Look at `systemctl status docker` and `journalctl -u docker` on the server.',
})

function containerDrift(expected: Expected, containers: readonly SeenContainer[]): Finding[] {
  const unknown = containers.filter(({ replicaId }) => replicaId === null || !expected.known.includes(replicaId))
  return [
    ...expected.replicas.flatMap((replica) => replicaDrift(expected, replica, containers.filter(({ replicaId }) => replicaId === replica.id))),
    ...unknown.map((container) => unknownContainer(expected, container)),
  ]
}

function unknownContainer({ serverName }: Expected, { name, id, environmentId, serviceId, replicaId, status }: SeenContainer): Finding {
  return {
    ...{ code: 'container_unknown', subject: name, environmentId, serviceId, replicaId, expected: null, found: `${status}, ${id.slice(0, 12)}` },
    message: `The container ${name} on ${serverName} carries Keystone's labels, but is nothing that Keystone runs.`,
    hint: 'Look what it is. If nobody needs it, remove it with `docker rm --force`.',
  }
}

function replicaDrift(expected: Expected, replica: ExpectedReplica, containers: readonly SeenContainer[]): Finding[] {
  const main = containers.find(({ name }) => name === replica.containerName)
  const scheduler = containers.find(({ isScheduler }) => isScheduler)
  const always = new Set([replica.containerName, ...replica.footprint.containers])
  return [
    ...[...always].flatMap((name) => runningDrift(expected, replica, { name, seen: containers.find((container) => container.name === name) })),
    ...(replica.ticks ? runningDrift(expected, replica, { name: scheduler?.name ?? `${replica.containerName}-scheduler`, seen: scheduler }) : []),
    ...(main ? contentDrift(expected, replica, main) : []),
  ]
}

function runningDrift({ serverName }: Expected, replica: ExpectedReplica, { name, seen }: { name: string; seen: SeenContainer | undefined }): Finding[] {
  const found = { ...ownerOf(replica), subject: name, expected: 'running', hint: bringBack(replica) }
  if (!seen) return [{ ...found, code: 'container_missing', found: null, message: `The container ${name} is gone from ${serverName}.` }]
  const { status, health, exitCode, restarts } = seen
  if (status === 'running' && health === 'unhealthy') {
    const message = `The container ${name} on ${serverName} runs, but its health check fails.`
    return [{ ...found, code: 'container_unhealthy', expected: 'healthy', found: 'unhealthy', message }]
  }
  if (status === 'running') return []
  const often = status === 'restarting' ? `, and Docker has restarted it ${restarts} times` : ''
  const ended = status === 'exited' || status === 'restarting' ? `: it ended with exit code ${exitCode}${often}` : ''
  return [{ ...found, code: 'container_stopped', found: status, message: `The container ${name} on ${serverName} is ${status}${ended}.` }]
}

/** Whether it is the very container that Keystone started, and as it was started. */
function contentDrift({ serverName }: Expected, replica: ExpectedReplica, main: SeenContainer): Finding[] {
  const found = { ...ownerOf(replica), subject: main.name }
  const image: Finding[] =
    main.image === replica.image
      ? []
      : [{ ...found, code: 'image_changed', hint: replace(replica), expected: replica.image, found: main.image, message: `The container ${main.name} on ${serverName} runs from another image than the one that was deployed.` }]
  const limits = { expected: limitsText(replica), found: limitsText(main) }
  const limited: Finding[] =
    limits.expected === limits.found
      ? []
      : [{ ...found, ...limits, code: 'limits_changed', hint: renew(replica), message: `The container ${main.name} on ${serverName} has other limits than it was started with.` }]
  const isOther = replica.containerId !== null && replica.containerId !== main.id
  const replaced: Finding[] = isOther
    ? [{ ...found, code: 'container_replaced', hint: replace(replica), expected: replica.containerId, found: main.id, message: `The container ${main.name} on ${serverName} is not the one that Keystone started: somebody has made it anew.` }]
    : []
  return [...image, ...limited, ...replaced]
}

const limitsText = ({ cpuLimit, memoryLimitMb }: Pick<SeenContainer, 'cpuLimit' | 'memoryLimitMb'>): string =>
  `${cpuLimit ?? 'all'} CPUs, ${memoryLimitMb === null ? 'all memory' : `${memoryLimitMb} MB`}`

const ownerOf = ({ id, serviceId, environmentId }: ExpectedReplica) => ({ replicaId: id, serviceId, environmentId })

const deployed = ({ environmentName, serviceName }: ExpectedReplica): string => `deploy ${environmentName ?? serviceName} again: ${serviceName} is started anew`

const bringBack = (replica: ExpectedReplica): string => sentence(`${deployed(replica)}.`)

const renew = (replica: ExpectedReplica): string => `If that is not meant to be so, ${deployed(replica)} as Keystone knows it.`

/** A service that stands alone keeps the name of its container, which is taken. */
const replace = (replica: ExpectedReplica): string =>
  replica.environmentName === null
    ? `If that is not meant to be so, remove it with \`docker rm --force ${replica.containerName}\`, and ${deployed(replica)} as Keystone knows it.`
    : renew(replica)

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

function fileDrift({ serverName }: Expected, replica: ExpectedReplica, files: Seen['files']): Finding[] {
  return Object.entries(replica.footprint.files).flatMap(([path, hash]): Finding[] => {
    const seen = files[path]
    if (seen === hash || seen === undefined) return []
    const found = { ...ownerOf(replica), subject: path, hint: renew(replica), expected: hash, found: seen }
    if (seen === null) return [{ ...found, code: 'file_missing', message: `${path} on ${serverName} is gone or cannot be read.` }]
    return [{ ...found, code: 'file_changed', message: `${path} on ${serverName} has been changed by somebody else.` }]
  })
}

function gatewayDrift(expected: Expected, gateway: ExpectedGateway, { gateway: seen, containers }: Seen): Finding[] {
  const runs = containers?.some(({ name, status }) => name === gateway.containerName && status === 'running')
  if (!runs) return []
  const found = { ...ofServer, serviceId: gateway.serviceId, subject: gateway.containerName }
  const { serverName } = expected
  const apply = 'The next deployment of an environment with a route here applies its configuration again; until then look at what was changed.'
  if (!seen) {
    const message = `The gateway on ${serverName} does not say what it runs.`
    return [{ ...found, code: 'gateway_silent', message, hint: 'Look at its log with `docker logs`, and restart the gateway.' }]
  }
  // Before its first revision it runs the file that it was started with.
  const isOtherText = seen.revision > 0 && gateway.revisionHash !== seen.fileHash
  const changed: Finding[] =
    seen.runsItsFile && !isOtherText
      ? []
      : [{ ...found, code: 'gateway_changed', expected: `revision ${seen.revision}`, message: `The gateway on ${serverName} ${seen.runsItsFile ? 'has another Caddyfile than Keystone wrote' : 'runs something else than its Caddyfile says'}.`, hint: apply }]
  const missing = Object.entries(gateway.routes).filter(([hash]) => !seen.sections.includes(hash))
  const notLive = missing.map(
    ([hash, domain]): Finding => ({ ...found, code: 'route_not_live', subject: domain, expected: hash, message: `The route ${domain} is not in what the gateway on ${serverName} runs.`, hint: apply }),
  )
  return [...changed, ...notLive]
}

function firewallDrift({ serverName, firewall }: Expected, seen: Seen): Finding[] {
  if (firewall === null || firewall === seen.firewall) return []
  const what = seen.firewall === null ? 'are not in force' : 'have been changed by somebody else'
  return [
    {
      ...ofServer,
      ...{ code: 'firewall_changed', subject: 'KEYSTONE-PORTS', expected: firewall, found: seen.firewall },
      message: `The firewall rules of ${serverName} for the ports of its services ${what}.`,
      hint: `Harden ${serverName} (POST …/harden): its rules are put back.`,
    },
  ]
}

function rulesDrift({ serverName }: Expected, { rules }: Seen): Finding[] {
  return serverRules.flatMap((subject): Finding[] => {
    const { meant: expected, lost } = meantRules[subject]
    const found = rules[subject]
    const hint = `If that is not meant to be so, harden ${serverName} (POST …/harden).`
    return found === expected ? [] : [{ ...ofServer, code: 'rule_changed', subject, expected, found, message: lost(serverName), hint }]
  })
}
