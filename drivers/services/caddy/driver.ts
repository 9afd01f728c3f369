import { z } from 'zod'
import { composeProject, gatewayFolder, gatewayNetwork, serviceAlias, serviceVolume } from '../../../domain/services.ts'
import type { RemoteFile } from '../../ssh/remote.ts'
import { certificatesIn } from '../certificate.ts'
import type { Ownership, ReplicaInput } from '../contract-step.ts'
import { defineService } from '../define.ts'
import { type Project, type ReplicaShape, startStep, stopStep } from '../replica.ts'
import { type Authority, healthPort, plainWord, renderCaddyfile } from './caddyfile.ts'
import { gateway } from './gateway.ts'

const stopGraceSeconds = 30

const unfit = 'must not have other characters than letters, digits and ._~:/@%+*?=&,-'

const configSchema = z
  .object({
    acmeEmail: z.email('must be an e-mail address').regex(plainWord, unfit).nullable().default(null),
    /** RFC 8555, section 6.1: HTTPS. */
    acmeDirectory: z.url({ protocol: /^https$/, error: 'must be an address such as https://ca.internal/acme/directory' })
      .regex(plainWord, unfit)
      .nullable()
      .default(null),
    /** PEM: what the certificate of an authority within the company is to be checked against. */
    acmeRootCertificate: z
      .string()
      .max(65_536, 'must have at most 65536 characters')
      .refine((pem) => certificatesIn(pem).length > 0, 'must be a certificate in PEM')
      .nullable()
      .default(null),
  })
  .refine(({ acmeDirectory, acmeRootCertificate }) => acmeRootCertificate === null || acmeDirectory !== null, {
    path: ['acmeDirectory'],
    error: 'is needed with acmeRootCertificate: it is the address of your authority',
  })
type Config = z.infer<typeof configSchema>

const healthcheck = {
  test: ['CMD', 'wget', '-q', '-O', '/dev/null', `http://127.0.0.1:${healthPort}/`],
  intervalSeconds: 10,
  timeoutSeconds: 5,
  retries: 3,
  startPeriodSeconds: 30,
}

const rootFile = 'acme-root.crt'

const authority = ({ acmeEmail, acmeDirectory, acmeRootCertificate }: Config): Authority => ({
  email: acmeEmail,
  directory: acmeDirectory,
  rootFile: acmeRootCertificate === null ? null : `/etc/caddy/${rootFile}`,
})

const volumes = (serviceId: string) => [
  { name: serviceVolume(serviceId, 'caddy_data'), target: '/data' },
  { name: serviceVolume(serviceId, 'caddy_config'), target: '/config' },
]

const project = ({ serviceId }: Ownership): Project => ({ name: composeProject(serviceId), folder: gatewayFolder })

export const caddy = defineService({
  name: 'caddy',
  category: 'gateway',
  label: 'Caddy',
  versionTrack: '2',
  defaultDeployPolicy: 'manual_or_on_route_change',
  defaultProcessRoles: ['server'],
  configSchema,
  resourceDefaults: { cpuLimit: null, memoryLimitMb: null },
  update: { downtime: true, dataRisk: false, backup: false },
  stateful: true,
  generateAdmin: () => ({}),
  slices: null,
  build: null,
  configured: (config: Config) => ({
    image: { from: 'registry', reference: 'caddy:2' },
    ports: () => [
      { name: 'http', containerPort: 80, protocol: 'tcp', exposure: 'public' },
      { name: 'https', containerPort: 443, protocol: 'tcp', exposure: 'public' },
      { name: 'http3', containerPort: 443, protocol: 'udp', exposure: 'public' },
    ],
    volumes: ({ serviceId }) => volumes(serviceId),
    /** The network is the server's: applications join it whether there is a gateway or not. */
    remains: () => ({ folders: [gatewayFolder], networks: [] }),
    stopGraceSeconds: () => stopGraceSeconds,
    startReplica: (input) => startStep('start gateway', input, shape(config, input)),
    /** The applied configuration stays: a gateway that starts again goes on with it. */
    stopReplica: ({ ownership }) =>
      stopStep(ownership, {
        project: project(ownership),
        graceSeconds: stopGraceSeconds,
        paths: ['compose.yml', '.env', 'Caddyfile.first'].map((name) => `${gatewayFolder}/${name}`),
      }),
    application: null,
    gateway: gateway(authority(config)),
    builder: null,
  }),
})

function shape(config: Config, input: ReplicaInput): ReplicaShape {
  const { serviceId } = input.ownership
  return {
    project: project(input.ownership),
    startTimeoutSeconds: 60,
    files: files(config),
    main: {
      key: serviceAlias(serviceId),
      containerName: input.containerName,
      command: ['sh', '-c', startCommand],
      healthcheck,
      stopGraceSeconds,
      networks: [gatewayNetwork, ...input.networks],
      volumes: volumes(serviceId),
      mounts: ['.:/etc/caddy'],
      ports: ['80:80', '443:443', '443:443/udp'],
    },
  }
}

function files(config: Config): RemoteFile[] {
  const first = renderCaddyfile({ email: config.acmeEmail, revision: 0, sections: [] })
  const { acmeRootCertificate: root } = config
  return [
    { path: `${gatewayFolder}/Caddyfile.first`, content: first, mode: 0o600 },
    ...(root === null ? [] : [{ path: `${gatewayFolder}/${rootFile}`, content: root, mode: 0o600 }]),
  ]
}

/** A gateway that starts again keeps the configuration that was applied last. */
const startCommand =
  'test -e /etc/caddy/Caddyfile || cp /etc/caddy/Caddyfile.first /etc/caddy/Caddyfile; ' +
  'exec caddy run --config /etc/caddy/Caddyfile --adapter caddyfile'
