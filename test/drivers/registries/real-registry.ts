import { createPrivateKey, randomUUID, sign, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { authorityCertificate, certificateFolder } from '../../lab/authority.ts'
import { docker } from '../../lab/docker.ts'
import { imageTag } from '../../lab/images.ts'
import { accepts } from '../../lab/probe.ts'
import { until } from '../../lab/until.ts'

/** A registry of CNCF's distribution on this machine, for one test file. */
export interface RealRegistry {
  /** `127.0.0.1:32801` */
  host: string
  url: string
  /** Pushes this local image as `repository:tag` with the Docker client; returns the digest that the client tells. */
  push(image: string, name: string, login: Login): Promise<string>
  close(): Promise<void>
}

export interface Login {
  username: string
  password: string
}

/** One may push under `team/`, the other only read there. */
export const [writer, reader]: [Login, Login] = [
  { username: 'writer', password: 'a-password-with-"quotes"-and-ümlaut' },
  { username: 'reader', password: 'another-password' },
]

/** With TLS by the lab's authority, and basic authentication. */
export async function openBasicRegistry(): Promise<RealRegistry> {
  const hash = (await docker(['run', '--rm', '--entrypoint', 'htpasswd', imageTag('registry'), '-Bbn', writer.username, writer.password])).trim()
  const settings = [
    'http: {addr: ":5000", tls: {certificate: /config/tls.crt, key: /config/tls.key}}',
    'auth: {htpasswd: {realm: lab, path: /config/htpasswd}}',
  ]
  return open('https', settings, { htpasswd: `${hash}\n` })
}

/** Without TLS, and with a token server that grants `writer` and `reader` what they may. */
export async function openTokenRegistry(): Promise<RealRegistry> {
  const tokens = await openTokenServer()
  const settings = [
    'http: {addr: ":5000"}',
    `auth: {token: {realm: "${tokens.realm}", service: lab, issuer: lab, rootcertbundle: /config/ca.crt}}`,
  ]
  const registry = await open('http', settings, {})
  return {
    ...registry,
    async close() {
      await registry.close()
      tokens.close()
    },
  }
}

async function open(scheme: 'http' | 'https', settings: readonly string[], files: Record<string, string>): Promise<RealRegistry> {
  const folder = await mkdtemp(join(tmpdir(), 'keystone-registry-'))
  const certificates = await certificateFolder('127.0.0.1')
  const config = ['version: 0.1', 'log: {level: warn, accesslog: {disabled: true}}', 'storage: {filesystem: {rootdirectory: /data}}', ...settings]
  const contents: Record<string, string> = {
    'config.yml': config.join('\n'),
    'ca.crt': await authorityCertificate(),
    'tls.crt': await readFile(join(certificates, 'tls.crt'), 'utf8'),
    'tls.key': await readFile(join(certificates, 'tls.key'), 'utf8'),
    ...files,
  }
  for (const [name, text] of Object.entries(contents)) await writeFile(join(folder, name), text)
  const place = ['--publish', '127.0.0.1::5000', '--volume', `${folder}:/config:ro`, '--entrypoint', 'docker-registry']
  const container = (await docker(['run', '--detach', '--label', 'keystone.lab=registries', ...place, imageTag('registry'), 'serve', '/config/config.yml'])).trim()
  const host = (await docker(['port', container, '5000/tcp'])).trim()
  const port = Number(host.split(':')[1])
  await until('the registry', () => accepts('127.0.0.1', port))
  return {
    host,
    url: `${scheme}://${host}`,
    async push(image, name, { username, password }) {
      const client = ['--config', join(folder, 'docker')]
      await docker([...client, 'login', '--username', username, '--password-stdin', host], { input: password })
      await docker(['tag', image, `${host}/${name}`])
      try {
        const said = await docker([...client, 'push', `${host}/${name}`])
        return /digest: (sha256:[0-9a-f]{64})/.exec(said)?.[1] ?? said
      } finally {
        await docker(['rmi', `${host}/${name}`])
      }
    },
    async close() {
      await docker(['rm', '--force', '--volumes', container])
      await rm(folder, { recursive: true })
    },
  }
}

/** Signs tokens as CNCF's "Token Authentication Implementation" says; the registry trusts the lab's authority, which signed the key. */
async function openTokenServer(): Promise<{ realm: string; close(): void }> {
  const folder = await certificateFolder('127.0.0.1')
  const key = createPrivateKey(await readFile(join(folder, 'tls.key')))
  const chain = [new X509Certificate(await readFile(join(folder, 'tls.crt'))).raw.toString('base64')]
  const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const tokenFor = (subject: string, access: object[]) => {
    const now = Math.floor(Date.now() / 1000)
    const claims = { iss: 'lab', sub: subject, aud: 'lab', iat: now, nbf: now - 10, exp: now + 300, jti: randomUUID(), access }
    const text = `${encoded({ typ: 'JWT', alg: 'ES256', x5c: chain })}.${encoded(claims)}`
    return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
  }
  const server = createServer((request, answer) => {
    const [, basic = ''] = (request.headers.authorization ?? '').split(' ')
    const [username, password] = Buffer.from(basic, 'base64').toString().split(/:(.*)/s)
    const user = [writer, reader].find((one) => one.username === username && one.password === password)
    if (!user) return answer.writeHead(401).end('{"errors":[{"code":"UNAUTHORIZED","message":"incorrect username or password"}]}')
    const scopes = new URL(request.url ?? '', 'http://lab').searchParams.getAll('scope')
    const access = scopes.map((scope) => {
      const [type, name = '', actions = ''] = scope.split(':')
      const allowed = name.startsWith('team/') ? (user === writer ? ['pull', 'push'] : ['pull']) : []
      return { type, name, actions: actions.split(',').filter((action) => allowed.includes(action)) }
    })
    return answer.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ token: tokenFor(user.username, access) }))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return { realm: `http://127.0.0.1:${port}/token`, close: () => void server.close() }
}
