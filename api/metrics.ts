import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { allOpenDifferences } from '../db/drift.ts'
import { serverCounts } from '../db/observations.ts'
import { unfinishedCounts } from '../db/operation-views.ts'
import type { ApiDependencies } from './context.ts'

export interface ApiMetrics {
  observe(request: { method: string; route: string; status: number; seconds: number }): void
  /** In the text format of Prometheus. */
  text(): Promise<string>
  contentType: string
}

export function createMetrics({ db }: ApiDependencies): ApiMetrics {
  const register = new Registry()
  collectDefaultMetrics({ register })
  const requests = new Histogram({
    name: 'keystone_http_request_seconds',
    help: 'Time to the answer; streams count until their first byte.',
    labelNames: ['method', 'route', 'status'],
    registers: [register],
  })
  new Gauge({
    name: 'keystone_operations_unfinished',
    help: 'Operations that have not ended, without those that are part of others.',
    labelNames: ['status'],
    registers: [register],
    async collect() {
      const counts = await unfinishedCounts(db)
      this.reset()
      for (const { status, count } of counts) this.set({ status }, count)
    },
  })
  new Gauge({
    name: 'keystone_drift_findings',
    help: 'What differs on servers from what Keystone made.',
    registers: [register],
    async collect() {
      this.set(await allOpenDifferences(db))
    },
  })
  new Gauge({
    name: 'keystone_servers',
    help: 'Servers by their status.',
    labelNames: ['status'],
    registers: [register],
    async collect() {
      const counts = await serverCounts(db)
      this.reset()
      for (const { status, count } of counts) this.set({ status }, count)
    },
  })
  return {
    observe: ({ method, route, status, seconds }) => requests.observe({ method, route, status: String(status) }, seconds),
    text: () => register.metrics(),
    contentType: register.contentType,
  }
}
