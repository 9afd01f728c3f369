import type { z } from 'zod'
import type { Secret } from '../../domain/secret.ts'
import type { ServiceStep, StoredConfig } from './contract-step.ts'

/** One replica as a gateway reaches it: alias on the same server, else private address and assigned port. */
export interface Upstream {
  host: string
  port: number
}

/** A route slice (one domain on one gateway) with what it leads to at this moment. */
export interface RouteInput {
  sliceId: string
  /** Host name or IP address, without scheme and port. */
  domain: string
  /** `service_slices.config` of the route, parsed by `routeSchema`. */
  config: unknown
  /** What the user gave for `tls: provided`; null for the other modes. */
  certificate: Certificate | null
  web: readonly Upstream[]
  /** URL prefixes of hashed assets, which every version has its own of, e.g. `/build`. */
  assetPaths: readonly string[]
  /** Upstreams of each version that is to be asked in turn for an asset that `web` does not have; empty while one version runs. */
  otherVersions: readonly (readonly Upstream[])[]
  websocket: readonly Upstream[]
  /** URL prefixes that lead to `websocket`. */
  websocketPaths: readonly string[]
  /** Upstreams that get no new requests, but are still to be counted as long as they have some. */
  draining: readonly Upstream[]
  healthPath: string
}

/** A route's part of the configuration. `hash` is found again in the running configuration once this very text is live. */
export interface Section {
  text: string
  hash: string
}

export interface GatewayFacts {
  /** The revision that is applied after the step: its own, or a later one that came first. */
  appliedRevision: number
  /** Hashes of the sections in the running configuration, read back from the gateway itself. */
  liveSections: readonly string[]
}

/** A replica that has to answer the gateway before it gets any traffic. */
export interface AskedReplica {
  containerName: string
  /** Null on the gateway's own server, where the container is asked by its name: its address may have changed since its start. */
  address: string | null
  port: number
  /** The health path: any status from 200 to 399 will do. */
  path: string
}

export interface ApplyInput {
  containerName: string
  revision: number
  text: string
  /** Of all routes that have one, whether this revision names it or not. */
  certificates: readonly RouteCertificate[]
  /** Containers of this server that are to get traffic by it, and so have to be healthy. */
  started: readonly string[]
}

/** An upstream that gets no new requests, and how many seconds it is given for those it has. */
export interface DrainingUpstream extends Upstream {
  windowSeconds: number
}

export interface DrainInput {
  containerName: string
  upstreams: readonly DrainingUpstream[]
}

/** An upstream that still had requests in flight when its time was over. */
export interface BusyUpstream {
  /** `host:port` */
  upstream: string
  inFlight: number
}

/** Exit code of `apply` when the gateway refused the text: everything is as it was, and the text's author is at fault. */
export const refusedConfigurationExitCode = 3

/** Exit code of a step in which a replica did not answer the gateway. */
export const unansweredExitCode = 4

export interface Gateway {
  /** Schema of a route slice's config. */
  routeSchema: z.ZodType<StoredConfig>
  /** Throws a ZodError where the route's config does not fit, and an Error where the domain is none. */
  renderSection(route: RouteInput): Section
  /** The whole configuration of one server, which tells what it is: its revision, from 1, and the texts of its sections. */
  renderConfiguration(revision: number, sections: readonly string[]): string
  /** Applies a revision unless a later one is there already (the fence is on the server), and reads the result back. */
  apply(input: ApplyInput): ServiceStep<GatewayFacts>
  /** Asks replicas for their health paths from the gateway's own network. */
  ask(input: { containerName: string; asked: readonly AskedReplica[] }): ServiceStep<void>
  /**
   * Waits until the configurations before the last one have let go of their connections, and until the upstreams have no request
   * in flight any more, or their time is over; returns those that had some even then.
   */
  drain(input: DrainInput): ServiceStep<readonly BusyUpstream[]>
  /** Text of a bash function `gateway` that prints what the container `$GATEWAY` runs, as JSON of a `SeenGateway`, and changes nothing. */
  lookScript: string
  /** Hashes of the sections in a text that this gateway has rendered. */
  sectionsIn(text: string): readonly string[]
}

/** What a user gave for a route with `tls: provided`, as `readCertificate` took it: PEM, the domain's own certificate first. */
export interface Certificate {
  chain: Secret
  privateKey: Secret
}

export interface RouteCertificate extends Certificate {
  sliceId: string
}
