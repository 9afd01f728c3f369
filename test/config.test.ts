import { expect, test } from 'vitest'
import { loadConfig, loadStackConfig } from '../config.ts'

const needed = {
  DATABASE_URL: 'postgres://keystone:pw@127.0.0.1:5432/keystone',
  TEMPORAL_ADDRESS: '127.0.0.1:7233',
  KEYSTONE_KEY_FILE: '/etc/keystone/keys.json',
}

test('completes what is not set', () => {
  expect(loadConfig(needed)).toMatchObject({
    temporal: { address: '127.0.0.1:7233', namespace: 'default', apiKey: null, tls: null, webUrl: null },
    api: { host: '127.0.0.1', port: 4000 },
    workerMetrics: { host: '127.0.0.1', port: 4001 },
    dnsServers: [],
    dockerHubMirror: null,
    hetznerEndpoint: 'https://api.hetzner.cloud/v1',
    keyFile: '/etc/keystone/keys.json',
    workflowBundle: null,
    logLevel: 'info',
  })
})

test('names DNS servers with and without a port', () => {
  const servers = (text: string) => loadConfig({ ...needed, KEYSTONE_DNS_SERVERS: text }).dnsServers
  expect(servers('203.0.113.53, 203.0.113.54:5353,2001:db8::53,[2001:db8::54]:5353')).toEqual(['203.0.113.53', '203.0.113.54:5353', '2001:db8::53', '[2001:db8::54]:5353'])
  expect(() => servers('dns.example.com')).toThrow(/^KEYSTONE_DNS_SERVERS must be IP addresses/)
})

test('believes proxies that are named as addresses or networks', () => {
  const proxies = (text: string) => loadConfig({ ...needed, KEYSTONE_TRUSTED_PROXIES: text }).trustedProxies
  expect([proxies('10.0.0.0/8, 203.0.113.7,fd00::/8'), proxies('')]).toEqual([['10.0.0.0/8', '203.0.113.7', 'fd00::/8'], []])
  expect(() => proxies('proxy.example.com')).toThrow(/^KEYSTONE_TRUSTED_PROXIES must be IP addresses or networks/)
})

test('takes an address for the mirror of Docker Hub', () => {
  const mirror = (text: string) => loadConfig({ ...needed, KEYSTONE_DOCKER_HUB_MIRROR: text }).dockerHubMirror
  expect([mirror('http://10.0.0.2:5000'), mirror('')]).toEqual(['http://10.0.0.2:5000', null])
  expect(() => mirror('mirror.example.com')).toThrow(/^KEYSTONE_DOCKER_HUB_MIRROR must be an address/)
})

test('names every variable that is missing or wrong, and what to do', () => {
  const load = () => loadConfig({ DATABASE_URL: ' ', TEMPORAL_ADDRESS: 'https://temporal', KEYSTONE_API_PORT: 'http' })
  expect(load).toThrow(/^DATABASE_URL is missing: set it to .*$/m)
  expect(load).toThrow(/^TEMPORAL_ADDRESS must be host:port$/m)
  expect(load).toThrow(/^KEYSTONE_API_PORT must be a port number/m)
  expect(load).toThrow(/^KEYSTONE_KEY_FILE is missing: set it to .*$/m)
})

test('a password or an API key is never printed', () => {
  const config = loadConfig({ ...needed, TEMPORAL_API_KEY: 'key-of-temporal' })
  expect(JSON.stringify(config)).not.toMatch(/pw@|key-of-temporal/)
})

test('an API key asks for TLS, unless TLS is turned off', () => {
  const temporal = (env: object) => loadStackConfig({ TEMPORAL_API_KEY: 'key', ...env }).temporal.tls
  expect(temporal({})).toEqual({ serverName: null, caFile: null, certFile: null, keyFile: null })
  expect(temporal({ TEMPORAL_TLS: 'false' })).toBeNull()
})

test('`npm start` needs no setting', () => {
  const none = { databaseUrl: null, keyFile: null, dataDir: '.keystone', temporal: { address: null } }
  expect(loadStackConfig({})).toMatchObject(none)
})
