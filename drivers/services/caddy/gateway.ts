import { z } from 'zod'
import { gatewayFolder, gatewayNetwork } from '../../../domain/services.ts'
import type { RemoteFile } from '../../ssh/remote.ts'
import type { AskedReplica, Certificate, Gateway } from '../contract-gateway.ts'
import { lines } from '../replica.ts'
import { containersScript, textBeside } from '../scripts.ts'
import { type Authority, renderCaddyfile } from './caddyfile.ts'
import { renderSection, routeSchema } from './section.ts'

const applyScript = containersScript + textBeside(import.meta.url, 'upstream-ask.sh') + textBeside(import.meta.url, 'gateway-apply.sh')
const drainScript = textBeside(import.meta.url, 'upstream-drain.sh')

const applyReport = z.object({ appliedRevision: z.int(), liveSections: z.array(z.string()) })
const drainReport = z.array(z.object({ upstream: z.string(), inFlight: z.int() }))

export function gateway(authority: Authority): Gateway {
  return {
    routeSchema,
    renderSection,
    renderConfiguration: (sections) => renderCaddyfile(authority, sections),
    apply: ({ containerName, revision, text, certificates, asked }) => ({
      name: `apply gateway revision ${revision}`,
      script: applyScript,
      inputs: { CONTAINER: containerName, REVISION: `${revision}`, NETWORK: gatewayNetwork, ASKED: lines(asked.map(question)) },
      secrets: {},
      files: [...certificates.flatMap(certificateFiles), { path: `${gatewayFolder}/next/${revision}`, content: text, mode: 0o600 }],
      parse: (result) => applyReport.parse(JSON.parse(result)),
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

/** A line of `ASKED`; none of its words can hold white space. */
const question = ({ containerName, address, port, path }: AskedReplica): string =>
  [containerName, port, path, ...(address === null ? [] : [address])].join(' ')

function certificateFiles({ sliceId, certificate, key }: Certificate): RemoteFile[] {
  const file = `${gatewayFolder}/certificates/${sliceId}`
  return [
    { path: `${file}.crt`, content: certificate, mode: 0o600 },
    { path: `${file}.key`, content: key, mode: 0o600 },
  ]
}
