import type { Server } from 'node:http'
import { once } from 'node:events'
import { getRequestListener } from '@hono/node-server'
import { type Config, loadConfig } from '../config.ts'
import { connect } from '../db/connect.ts'
import { requireListen } from '../db/operation-changes.ts'
import { createDnsResolver } from '../drivers/dns/resolver.ts'
import { createProviders } from '../drivers/providers/registry.ts'
import { createRegistryDriver } from '../drivers/registries/driver.ts'
import { readKeyring } from '../drivers/secrets/key-file.ts'
import { createSourceDriver } from '../drivers/sources/driver.ts'
import { probeHostKey } from '../drivers/ssh/host-key.ts'
import { createSshPool } from '../drivers/ssh/pool.ts'
import { createApp } from './app.ts'
import { createHttpServer } from './http-server.ts'
import { createLog } from './log.ts'

const sshTimings = { idleCloseSeconds: 60, keepaliveSeconds: 5, connectTimeoutSeconds: 10 }

/** Serves until SIGTERM or SIGINT: then event streams end, and requests that are under way still get their answers. */
async function main(config: Config): Promise<void> {
  const { databaseUrl, keyFile, temporal, api, trustedProxies, mostViewers, dnsServers, dockerHubMirror, hetznerEndpoint, logLevel } = config
  const log = createLog(logLevel)
  const database = connect(databaseUrl.reveal())
  await requireListen(database.sql)
  const closing = new AbortController()
  const ssh = createSshPool(sshTimings)
  const app = createApp({
    trustedProxies,
    mostViewers,
    db: database.db,
    sql: database.sql,
    keyring: await readKeyring(keyFile),
    sources: createSourceDriver(),
    registries: createRegistryDriver({ dockerHubMirror }),
    providers: createProviders({ hetzner: { endpoint: hetznerEndpoint } }),
    dns: createDnsResolver({ servers: dnsServers }),
    ssh,
    probeHostKey,
    temporal,
    log,
    closing: closing.signal,
  })
  const server = createHttpServer(getRequestListener(app.fetch)).listen(api.port, api.host)
  await once(server, 'listening')
  log.info({ host: api.host, port: api.port }, 'api ready')
  const signal = await ending()
  log.info({ signal }, 'api ends')
  closing.abort()
  await drained(server)
  await ssh.close()
  await database.close()
}

function ending(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve)
  })
}

/** Who has had the last answer is let go of at once; what is not answered by then is cut off. */
async function drained(server: Server, longestSeconds = 25): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  const idle = setInterval(() => server.closeIdleConnections(), 100)
  const overdue = setTimeout(() => server.closeAllConnections(), longestSeconds * 1000)
  await closed
  clearInterval(idle)
  clearTimeout(overdue)
}

await main(loadConfig())
