import { get } from 'node:https'
import { text } from 'node:stream/consumers'
import { authorityCertificate, certificateFolder } from './authority.ts'
import { docker, dockerHas } from './docker.ts'
import { imageTag } from './images.ts'
import type { LabPlan } from './network.ts'
import { accepts } from './probe.ts'
import { until } from './until.ts'

/** An ACME authority with a DNS of its own, in which domains are only what it is told. What it issues nobody trusts by himself. */
export interface LabAcme {
  /** URL of its directory (RFC 8555, section 7.1.1). */
  directory: string
  /** The directory's own certificate is from this authority (PEM). */
  directoryAuthority: string
  /** The root (PEM) of the certificates that it issues; another one whenever it starts. */
  root: string
  /** Address of its DNS server, for others to ask. */
  dnsServer: string
  /** Has a domain lead to an address, or nowhere. */
  point(domain: string, address: string | null): Promise<void>
  /** How many certificates it was asked for until now, and got as far as an order. */
  orders(): Promise<number>
}

/** Starts it anew: then no order is counted, and no domain leads anywhere. */
export async function openAcme(plan: LabPlan): Promise<LabAcme> {
  const container = `${plan.name}-acme`
  const address = plan.acmeAddress
  const [directory, roots, records] = [`https://${address}:14000/dir`, `https://${address}:15000/roots/0`, `http://${address}:8055`]
  if (await dockerHas('container', container)) await docker(['rm', '--force', container])
  const place = ['--network', plan.publicNetwork, '--ip', address]
  const tls = ['--volume', `${await certificateFolder(address)}:/tls:ro`]
  await docker(['run', '--detach', '--name', container, '--label', plan.label, ...place, ...tls, imageTag('pebble')])
  const listening = () => Promise.all([14_000, 15_000, 8055].map((port) => accepts(address, port)))
  await until(`the ACME authority of ${plan.name}`, async () => (await listening()).every(Boolean))
  const directoryAuthority = await authorityCertificate()
  return {
    ...{ directory, directoryAuthority, dnsServer: address, root: await read(roots, directoryAuthority) },
    async point(domain, to) {
      await tell(`${records}/clear-a`, { host: domain })
      if (to !== null) await tell(`${records}/add-a`, { host: domain, addresses: [to] })
    },
    async orders() {
      return [...(await docker(['logs', container])).matchAll(/There are now \d+ orders in the db/g)].length
    },
  }
}

async function tell(url: string, record: object): Promise<void> {
  const { ok, status } = await fetch(url, { method: 'POST', body: JSON.stringify(record) })
  if (!ok) throw new Error(`${url} answered ${status}`)
}

/** `fetch` cannot be told whom to trust. */
function read(url: string, authority: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { ca: authority }, (answer) => void text(answer).then(resolve, reject)).once('error', reject)
  })
}
