import { createServer, type RequestListener, type Server } from 'node:http'

/** How long a client may take to send a request; what is answered may go on as long as it likes. */
export interface RequestLimits {
  headersSeconds: number
  wholeSeconds: number
  /** How often it is looked whether somebody takes longer. */
  checkSeconds: number
}

const usual: RequestLimits = { headersSeconds: 10, wholeSeconds: 30, checkSeconds: 5 }

/** Longer than load balancers keep theirs, so that none sends a request on a connection that is just being closed. */
const keepAliveSeconds = 75

/** A server whose connections nobody can hold by sending slowly: he is answered 408. */
export function createHttpServer(listener: RequestListener, { headersSeconds, wholeSeconds, checkSeconds } = usual): Server {
  const limits = {
    headersTimeout: headersSeconds * 1000,
    requestTimeout: wholeSeconds * 1000,
    connectionsCheckingInterval: checkSeconds * 1000,
    keepAliveTimeout: keepAliveSeconds * 1000,
  }
  return createServer(limits, listener)
}
