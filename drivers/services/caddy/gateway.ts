import { z } from 'zod'
import { gatewayFolder } from '../../../domain/services.ts'
import type { RemoteFile } from '../../ssh/remote.ts'
import { askInputs, askScript } from '../ask.ts'
import type { Certificate, DrainingUpstream, Gateway, GatewayFacts } from '../contract-gateway.ts'
import { containersScript, lines, textBeside } from '../scripts.ts'
import { type Authority, renderCaddyfile } from './caddyfile.ts'
import { renderSection, routeSchema } from './section.ts'

const scriptOf = (...names: string[]): string => [containersScript, ...names.map((name) => textBeside(import.meta.url, name))].join('\n')
const applyScript = scriptOf('revisions.sh', 'newest-listener.sh', 'gateway-apply.sh')
const drainScript = scriptOf('revisions.sh', 'upstream-drain.sh')

const drainReport = z.array(z.object({ upstream: z.string(), inFlight: z.int() }))

export function gateway(authority: Authority): Gateway {
  return {
    routeSchema,
    renderSection,
    renderConfiguration: (revision, sections) => renderCaddyfile({ ...authority, revision, sections }),
    apply: ({ containerName, revision, text, certificates, started }) => ({
      name: `apply gateway revision ${revision}`,
      script: applyScript,
      inputs: { CONTAINER: containerName, REVISION: `${revision}`, STARTED: lines(started) },
      secrets: {},
      files: [...certificates.flatMap(certificateFiles), { path: `${gatewayFolder}/next/${revision}`, content: text, mode: 0o600 }],
      parse: parseRunning,
    }),
    ask: ({ containerName, asked }) => ({
      ...{ name: 'ask replicas from the gateway', script: containersScript + askScript, inputs: askInputs(containerName, asked) },
      ...{ secrets: {}, files: [], parse: () => {} },
    }),
    drain: ({ containerName, upstreams }) => ({
      name: 'drain old replicas',
      script: drainScript,
      inputs: { CONTAINER: containerName, UPSTREAMS: lines(upstreams.map(awaitedUpstream)) },
      secrets: {},
      files: [],
      parse: (result) => drainReport.parse(JSON.parse(result)),
    }),
  }
}

const awaitedUpstream = ({ host, port, windowSeconds }: DrainingUpstream): string => `${host}:${port} ${windowSeconds}`

/** What a configuration says of itself (revisions.sh). */
function parseRunning(said: string): GatewayFacts {
  const [revision, ...liveSections] = said.trim().split(' ')
  return { appliedRevision: z.coerce.number().int().parse(revision), liveSections }
}

function certificateFiles({ sliceId, certificate, key }: Certificate): RemoteFile[] {
  const file = `${gatewayFolder}/certificates/${sliceId}`
  return [
    { path: `${file}.crt`, content: certificate, mode: 0o600 },
    { path: `${file}.key`, content: key, mode: 0o600 },
  ]
}
