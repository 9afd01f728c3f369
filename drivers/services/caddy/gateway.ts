import { z } from 'zod'
import { gatewayFolder, gatewayNetwork, replicaAlias } from '../../../domain/services.ts'
import type { RemoteFile } from '../../ssh/remote.ts'
import type { Certificate, Gateway } from '../contract-gateway.ts'
import { containersScript, textBeside } from '../scripts.ts'
import { type Authority, renderCaddyfile } from './caddyfile.ts'
import { renderSection, routeSchema } from './section.ts'

const applyScript = containersScript + textBeside(import.meta.url, 'gateway-apply.sh')
const probeScript = containersScript + textBeside(import.meta.url, 'upstream-probe.sh')
const drainScript = textBeside(import.meta.url, 'upstream-drain.sh')

const applyReport = z.object({ appliedRevision: z.int(), liveSections: z.array(z.string()) })
const probeReport = z.object({ status: z.int() })
const drainReport = z.array(z.object({ upstream: z.string(), inFlight: z.int() }))

export function gateway(authority: Authority): Gateway {
  return {
    routeSchema,
    renderSection,
    renderConfiguration: (sections) => renderCaddyfile(authority, sections),
    apply: ({ containerName, revision, text, certificates }) => ({
      name: `apply gateway revision ${revision}`,
      script: applyScript,
      inputs: { CONTAINER: containerName, REVISION: `${revision}` },
      secrets: {},
      files: [...certificates.flatMap(certificateFiles), { path: `${gatewayFolder}/next/${revision}`, content: text, mode: 0o600 }],
      parse: (result) => applyReport.parse(JSON.parse(result)),
    }),
    probe: ({ containerName, upstream, path, domain }) => ({
      name: 'ask replica from the gateway',
      script: probeScript,
      inputs: {
        CONTAINER: containerName,
        REPLICA: 'replicaId' in upstream ? upstream.replicaId : '',
        SERVICE: 'replicaId' in upstream ? replicaAlias(upstream.replicaId) : '',
        NETWORK: gatewayNetwork,
        ADDRESS: 'host' in upstream ? upstream.host : '',
        PORT: `${upstream.port}`,
        HEALTH_PATH: path,
        DOMAIN: domain,
      },
      secrets: {},
      files: [],
      parse(result) {
        const { status } = probeReport.parse(JSON.parse(result))
        return { ok: status >= 200 && status < 400, status: status === 0 ? null : status }
      },
    }),
    drain: ({ upstreams, leastSeconds, windowSeconds }) => ({
      name: 'drain old replicas',
      script: drainScript,
      inputs: {
        UPSTREAMS: upstreams.map(({ host, port }) => `${host}:${port}`).join('\n'),
        LEAST_SECONDS: `${leastSeconds}`,
        WINDOW_SECONDS: `${Math.max(leastSeconds, windowSeconds)}`,
      },
      secrets: {},
      files: [],
      parse: (result) => drainReport.parse(JSON.parse(result)),
    }),
  }
}

function certificateFiles({ sliceId, certificate, key }: Certificate): RemoteFile[] {
  const file = `${gatewayFolder}/certificates/${sliceId}`
  return [
    { path: `${file}.crt`, content: certificate, mode: 0o600 },
    { path: `${file}.key`, content: key, mode: 0o600 },
  ]
}
