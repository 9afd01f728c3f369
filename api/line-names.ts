import type { LogSources } from '../db/log-sources.ts'
import { redactionOf } from '../domain/masking.ts'
import type { ContainerLine } from '../drivers/services/container-logs.ts'

/** A line with the name of its service and without secrets. */
export type NamedLine = ContainerLine & { service: string }

export interface LineNames {
  name(lines: readonly ContainerLine[]): Promise<NamedLine[]>
}

interface Known {
  sources: LogSources
  reread(): Promise<LogSources>
}

/** A replica that is not known was started meanwhile, with secrets that are not known either: they are read before its lines are told. */
export function createLineNames({ sources, reread }: Known): LineNames {
  let { services } = sources
  let redaction = redactionOf(sources.masked)
  const seen = new Set(sources.replicaIds)
  return {
    async name(lines) {
      const fresh = lines.map(({ replicaId }) => replicaId).filter((id) => !seen.has(id))
      if (fresh.length > 0) {
        const now = await reread()
        services = now.services
        redaction = redactionOf(now.masked)
        for (const id of [...now.replicaIds, ...fresh]) seen.add(id)
      }
      return lines.map((line) => ({ ...line, text: redaction.text(line.text), service: services.get(line.serviceId) ?? line.serviceId }))
    },
  }
}
