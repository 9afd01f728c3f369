import { z } from 'zod'
import { gatewayFolder } from '../../../domain/services.ts'
import type { RemoteFile } from '../../ssh/remote.ts'
import { askInputs, askScript } from '../ask.ts'
import type { Certificate, Gateway } from '../contract-gateway.ts'
import { containersScript, freshConnectionsScript, lines, textBeside } from '../scripts.ts'
import { type Authority, renderCaddyfile } from './caddyfile.ts'
import { renderSection, routeSchema } from './section.ts'

const applyScript = containersScript + freshConnectionsScript + textBeside(import.meta.url, 'gateway-apply.sh')
const drainScript = textBeside(import.meta.url, 'upstream-drain.sh')

const applyReport = z.object({ appliedRevision: z.int(), liveSections: z.array(z.string()) })
const drainReport = z.array(z.object({ upstream: z.string(), inFlight: z.int() }))

export function gateway(authority: Authority): Gateway {
  return {
    routeSchema,
    renderSection,
    renderConfiguration: (sections) => renderCaddyfile(authority, sections),
    apply: ({ containerName, revision, text, certificates, started }) => ({
      name: `apply gateway revision ${revision}`,
      script: applyScript,
      inputs: { CONTAINER: containerName, REVISION: `${revision}`, STARTED: lines(started) },
      secrets: {},
      files: [...certificates.flatMap(certificateFiles), { path: `${gatewayFolder}/next/${revision}`, content: text, mode: 0o600 }],
      parse: (result) => applyReport.parse(JSON.parse(result)),
    }),
    ask: ({ containerName, asked }) => ({
      ...{ name: 'ask replicas from the gateway', script: containersScript + askScript, inputs: askInputs(containerName, asked) },
      ...{ secrets: {}, files: [], parse: () => {} },
    }),
    drain: ({ upstreams, leastSeconds }) => ({
      name: 'drain old replicas',
      script: drainScript,
      inputs: {
        UPSTREAMS: lines(upstreams.map(({ host, port, windowSeconds }) => `${host}:${port} ${windowSeconds}`)),
        LEAST_SECONDS: `${leastSeconds}`,
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
