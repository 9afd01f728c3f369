import { z } from 'zod'
import type { Secret } from '../../../domain/secret.ts'
import { gatewayFolder } from '../../../domain/services.ts'
import { askInputs, askScript } from '../ask.ts'
import type { DrainingUpstream, Gateway, GatewayFacts, RouteCertificate } from '../contract-gateway.ts'
import { containersScript, lines, textBeside } from '../scripts.ts'
import { type Authority, hashesIn, renderCaddyfile } from './caddyfile.ts'
import { certificateFiles } from './certificates.ts'
import { renderSection, routeSchema } from './section.ts'

const scriptOf = (...names: string[]): string => [containersScript, ...names.map((name) => textBeside(import.meta.url, name))].join('\n')
const applyScript = scriptOf('revisions.sh', 'newest-listener.sh', 'gateway-apply.sh')
const drainScript = scriptOf('revisions.sh', 'upstream-drain.sh')
const lookScript = ['revisions.sh', 'gateway-look.sh'].map((name) => textBeside(import.meta.url, name)).join('\n')

const drainReport = z.array(z.object({ upstream: z.string(), inFlight: z.int() }))

export function gateway(authority: Authority): Gateway {
  return {
    routeSchema,
    renderSection: (route) => renderSection(route, authority),
    renderConfiguration: (revision, sections) => renderCaddyfile({ email: authority.email, revision, sections }),
    apply: ({ containerName, revision, text, certificates, started }) => {
      const secrets = Object.fromEntries(certificates.flatMap(filesOf))
      return {
        name: `apply gateway revision ${revision}`,
        script: applyScript,
        inputs: { CONTAINER: containerName, REVISION: `${revision}`, STARTED: lines(started), CERTIFICATES: lines(Object.keys(secrets)) },
        secrets,
        files: [{ path: `${gatewayFolder}/next/${revision}`, content: text, mode: 0o600 }],
        parse: parseRunning,
      }
    },
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
    lookScript,
    sectionsIn: (text) => hashesIn([text]),
  }
}

/** They go to the step as its secrets: the script puts them in place when it is its revision's turn. */
function filesOf(certificate: RouteCertificate): [name: string, content: Secret][] {
  const names = certificateFiles(certificate)
  return [
    [names.chain, certificate.chain],
    [names.privateKey, certificate.privateKey],
  ]
}

const awaitedUpstream = ({ host, port, windowSeconds }: DrainingUpstream): string => `${host}:${port} ${windowSeconds}`

/** What a configuration says of itself (revisions.sh). */
function parseRunning(said: string): GatewayFacts {
  const [revision, ...liveSections] = said.trim().split(' ')
  return { appliedRevision: z.coerce.number().int().parse(revision), liveSections }
}
