import { z } from 'zod'

/** What to load, and how much. */
export const loadOptionsSchema = z.strictObject({
  /** Where the gateway listens; `domain` is asked for there. */
  address: z.string(),
  port: z.int().default(80),
  domain: z.string(),
  /** Null: no websocket. Another domain than `domain` where sockets of another environment are watched. */
  websocketDomain: z.string().nullable().default(null),
  websocketPath: z.string().default('/app'),
  /** A websocket whose own environment deploys may be closed: then it is only told, and opened again at once. */
  mayCloseWebsocket: z.boolean().default(false),
  /** Started each second, whatever becomes of them, the assets of a page with one asset included. */
  requestsPerSecond: z.number().positive(),
  slowEverySeconds: z.number().positive().default(8),
  slowSeconds: z.int().positive().default(8),
  downloadEverySeconds: z.number().positive().default(10),
  downloadMb: z.int().positive().default(20),
  /** A visit whose job takes a few seconds, so that a worker that is told to end has one under way. */
  longJobEverySeconds: z.number().positive().default(10),
  longJobSeconds: z.int().positive().default(3),
  /** How long a request may take in all; a slow answer and a download may take that long beyond what is usual. */
  timeoutSeconds: z.number().positive().default(20),
})
export type LoadOptions = z.infer<typeof loadOptionsSchema>

const moment = z.iso.datetime()

const failureSchema = z.object({
  at: moment,
  window: z.string(),
  /** `GET /page`, `websocket`, … */
  request: z.string(),
  connection: z.enum(['keep-alive', 'fresh', 'websocket']),
  what: z.string(),
  /** The version that a part of the answer named. */
  version: z.string().nullable(),
  /** The commit that had answered last by then. */
  commitBefore: z.string().nullable(),
})
export type LoadFailure = z.infer<typeof failureSchema>

const windowSchema = z.object({
  requests: z.int(),
  failed: z.int(),
  /** From the scheduled start to the last byte, slow answers and downloads left out; null where nothing was timed. */
  p50Ms: z.number().nullable(),
  p99Ms: z.number().nullable(),
  maxMs: z.number().nullable(),
})

const countSchema = z.object({ requests: z.int(), failed: z.int() })

const versionSchema = z.object({ commit: z.string(), firstAt: moment, lastAt: moment, answers: z.int() })

export const loadReportSchema = z.object({
  /** Those that have ended. */
  requests: z.int(),
  failed: z.int(),
  /** Those that have not. */
  underWay: z.int(),
  /** The first twenty. */
  failures: z.array(failureSchema),
  /** Idempotent requests whose reused connection had been closed before a byte came back; not among the failed. */
  retriedIdle: z.int(),
  /** How late requests were started by this instrument itself: where it is large, the latencies are the instrument's. */
  startLagP99Ms: z.number(),
  /** By what was asked: `GET /`, `POST /visit`, `GET asset`, … */
  kinds: z.record(z.string(), countSchema),
  windows: z.record(z.string(), windowSchema),
  /** Which commits answered `GET /`, in the order of their first answers. */
  versions: z.array(versionSchema),
  /** Ids of the visits that were accepted. */
  visits: z.array(z.int()),
  websocket: z.object({
    messages: z.int(),
    closings: z.array(z.object({ at: moment, code: z.int(), reason: z.string() })),
    /** Versions that greeted, in their order. */
    versions: z.array(z.string()),
  }),
})
export type LoadReport = z.infer<typeof loadReportSchema>
