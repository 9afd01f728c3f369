import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Secret } from '../../../domain/secret.ts'
import { siteName, word } from '../../../drivers/services/caddy/caddyfile.ts'
import { caddy } from '../../../drivers/services/caddy/driver.ts'
import type { RouteInput } from '../../../drivers/services/contract-gateway.ts'
import { createAuthority } from '../../certificates.ts'
import { replica } from './replicas.ts'

const gateway = caddy.configured({}).gateway!

const route: RouteInput = {
  sliceId: 'slice-1',
  domain: 'shop.example.com',
  config: {},
  certificate: null,
  web: [{ host: 'replica-1', port: 8080 }],
  websocket: [],
  websocketPaths: ['/app', '/apps'],
  assetPaths: ['/build'],
  otherVersions: [],
  draining: [],
  healthPath: '/up',
}

const certificate = (chain: string) => ({ chain: new Secret(chain), privateKey: new Secret(`key of ${chain}`) })

const proxy = (upstreams: string, further = '') => `		reverse_proxy ${upstreams} {
			lb_policy least_conn
			lb_try_duration 5s
			lb_try_interval 100ms
			fail_duration 2s
			max_fails 3
			stream_close_delay 365d
${further}		}
`

/** What is done about an asset that no upstream has: `others` are lines of a handle's block. */
const assets = (upstreams: string, others: string, { further = '', isPlain = false } = {}) => `	@assets {
		method GET HEAD
		path /build /build/*
	}
	handle @assets {
${proxy(
  upstreams,
  `${further}			@missing status 404
			handle_response @missing {
				handle @followed {
					vars keystone_asset missing
${isPlain ? handedOnPlainly : handedOnSecurely}				}
				handle {
${others}				}
			}
`,
)}	}
	handle_errors 502 503 504 {
		@missing vars keystone_asset missing
		respond @missing "No such file here." 404
	}
`

const handedOnPlainly = `					reverse_proxy 127.0.0.1:80 {
						header_up Keystone-Handed-On yes
					}
`
const handedOnSecurely = `					reverse_proxy https://127.0.0.1:443 {
						header_up Keystone-Handed-On yes
						header_up Host {host}
						transport http {
							tls_server_name {host}
							tls_insecure_skip_verify
						}
					}
`

const none = '					copy_response\n'

describe('renderSection', () => {
  it('renders a site with its hash in it', () => {
    const { text, hash } = gateway.renderSection(route)
    expect(text).toBe(`# route slice-1
shop.example.com {
	vars keystone_section ${hash}
	import leaving
${assets('replica-1:8080', none)}	handle {
${proxy('replica-1:8080')}	}
}
`)
  })

  it('renders old and new replicas, websockets, redirects, active checks and a policy', () => {
    const { text, hash } = gateway.renderSection({
      ...route,
      config: { tls: 'off', redirectFrom: ['www.shop.example.com'], activeHealthIntervalSeconds: 10 },
      web: [{ host: 'replica-1', port: 8080 }, { host: '10.0.0.2', port: 20001 }],
      websocket: [{ host: 'replica-2', port: 8080 }],
    })
    const health = '			health_uri /up\n			health_interval 10s\n			health_timeout 5s\n'
    expect(text).toBe(`# route slice-1
http://shop.example.com {
	vars keystone_section ${hash}
	import leaving
	@websocket path /app /app/* /apps /apps/*
	handle @websocket {
${proxy('replica-2:8080', health)}	}
${assets('replica-1:8080 10.0.0.2:20001', none, { further: health, isPlain: true })}	handle {
${proxy('replica-1:8080 10.0.0.2:20001', health)}	}
}
http://www.shop.example.com {
	import leaving
	redir http://shop.example.com{uri} 308
}
`)
  })

  it('asks the other version for an asset while two run, and takes one that has gone for one without it', () => {
    const { text, hash } = gateway.renderSection({ ...route, otherVersions: [[{ host: 'replica-0', port: 8080 }]] })
    const fallback = `					vars keystone_asset missing
					reverse_proxy replica-0:8080 {
					}
`
    expect(text).toBe(`# route slice-1
shop.example.com {
	vars keystone_section ${hash}
	import leaving
${assets('replica-1:8080', fallback)}	handle {
${proxy('replica-1:8080')}	}
}
`)
  })

  it('asks every other version in turn, and another replica of it where one has gone', () => {
    const old = [{ host: 'replica-0', port: 8080 }, { host: '10.0.0.2', port: 20001 }]
    const oldest = [{ host: 'replica-00', port: 8080 }]
    const { text } = gateway.renderSection({ ...route, assetPaths: ['/build', '/js/'], otherVersions: [old, oldest] })
    expect(text).toContain('		path /build /build/* /js /js/*\n')
    expect(text).toContain(`					reverse_proxy replica-0:8080 10.0.0.2:20001 {
						lb_policy round_robin
						lb_retries 1
						@missing status 404
						handle_response @missing {
							vars keystone_asset missing
							reverse_proxy replica-00:8080 {
							}
						}
					}
`)
  })

  it('names draining upstreams where no request comes by, for they are counted as long as they are named', () => {
    const { text } = gateway.renderSection({ ...route, draining: [{ host: 'replica-0', port: 8080 }] })
    expect(text).toContain('\t@nothing not path /*\n\thandle @nothing {\n\t\treverse_proxy replica-0:8080\n\t}\n')
  })

  it.each<[string, Partial<RouteInput>]>([
    ['without paths of assets', { assetPaths: [] }],
    ['where nothing serves', { web: [] }],
  ])('asks no other version %s', (_, overrides) => {
    const { text } = gateway.renderSection({ ...route, otherVersions: [[{ host: 'replica-0', port: 8080 }]], ...overrides })
    expect(text).not.toContain('@assets')
    expect(text).not.toContain('replica-0')
  })

  it('leads the paths of a setting to the websocket service, or all of them', () => {
    const paths = (websocketPaths: string[]) =>
      gateway.renderSection({ ...route, websocket: route.web, websocketPaths }).text.match(/@websocket path (.*)/)?.[1]
    expect(paths(['/socket/', '/live'])).toBe('/socket /socket/* /live /live/*')
    expect(paths(['/'])).toBe('/*')
  })

  it('answers 503 where nothing runs', () => {
    expect(gateway.renderSection({ ...route, web: [] }).text).toContain('respond "This site has no running version at the moment." 503')
  })

  it.each([
    ['automatic', ''],
    ['internal', '	tls internal\n'],
    ['provided', '	tls /etc/caddy/certificates/slice-1-945c72078d9c8785.crt /etc/caddy/certificates/slice-1-945c72078d9c8785.key\n'],
  ])('serves TLS %s', (tls, line) => {
    const { text, hash } = gateway.renderSection({ ...route, config: { tls }, certificate: certificate('CHAIN') })
    expect(text).toContain(`shop.example.com {\n	vars keystone_section ${hash}\n${line}	import leaving\n	@assets {`)
  })

  it('has another hash as soon as anything in it is another', () => {
    const hash = (overrides: Partial<RouteInput>) => gateway.renderSection({ ...route, ...overrides }).hash
    const all = [{}, { sliceId: 'slice-2' }, { domain: 'a.example.com' }, { web: [] }, { healthPath: '/health', config: { activeHealthIntervalSeconds: 5 } }, { config: { tls: 'off' } }]
      .concat(['ONE', 'TWO'].map((chain) => ({ config: { tls: 'provided' }, certificate: certificate(chain) })))
      .map(hash)
    expect(new Set(all).size).toBe(all.length)
    expect(hash({})).toBe(hash({}))
  })
})

describe('what goes into a Caddyfile', () => {
  it('is a domain that cannot end its line, or is refused', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        try {
          expect(siteName(text)).toMatch(/^(\*\.)?[a-z0-9.-]+$/)
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError)
        }
      }),
    )
    fc.assert(fc.property(fc.domain(), (domain) => siteName(domain) === domain.toLowerCase()))
  })

  it.each(['', 'a b', 'a{b}', 'http://a.example', 'a.example:80', 'a/b', 'a..b', '-a.example', 'a.*.example', 'ä.example', 'a\n:80 {'])(
    'is not %j as a domain',
    (domain) => expect(() => siteName(domain)).toThrow(RangeError),
  )

  it('is one word without placeholders, or is refused', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const plain = /^[^\s{}"`\\#()<>|^$'!;[\]]+$/.test(text)
        if (!plain) expect(() => word(text)).toThrow(RangeError)
      }),
    )
  })
})

describe('the configuration of a server', () => {
  it('has the admin API on a socket in the mounted folder, tells what it is on a port of its revision, and has a 404 for unknown hosts', () => {
    expect(caddy.configured({ acmeEmail: 'ops@example.com' }).gateway!.renderConfiguration(7, [`# route slice-1\nshop.example.com {\n\tvars keystone_section 0af\n}\n`, 'b.lab {\n\tvars keystone_section b1\n}\n'])).toBe(`{
	admin unix//etc/caddy/admin.sock
	shutdown_delay 2s
	email ops@example.com
}

http://:2018 {
	bind 127.0.0.1
	respond "well"
}

http://:20007 {
	bind 127.0.0.1
	respond "7 0af b1"
}

(leaving) {
	@leaving {
		protocol http/1.1
		not header Upgrade *
		file {
			root /etc/caddy
			try_files leaving-7
		}
	}
	@followed {
		file {
			root /etc/caddy
			try_files leaving-7
		}
		not header Keystone-Handed-On *
	}
	header @leaving Connection close
}

http:// {
	import leaving
	respond "No such site here." 404
}

# route slice-1
shop.example.com {
	vars keystone_section 0af
}

b.lab {
	vars keystone_section b1
}
`)
  })

  it('is handed over under its revision, with certificates as secrets of the step', () => {
    const certificates = [{ sliceId: 's', ...certificate('CHAIN') }]
    const step = gateway.apply({ containerName: 'gateway', revision: 7, text: 'text', certificates, started: ['shop-web-1'] })
    const [chain, privateKey] = ['s-945c72078d9c8785.crt', 's-945c72078d9c8785.key']
    expect(step.inputs).toEqual({ CONTAINER: 'gateway', REVISION: '7', STARTED: 'shop-web-1', CERTIFICATES: `${chain}\n${privateKey}` })
    expect(Object.entries(step.secrets).map(([name, secret]) => [name, secret.reveal()])).toEqual([[chain, 'CHAIN'], [privateKey, 'key of CHAIN']])
    expect(step.files.map(({ path, mode }) => [path, mode])).toEqual([['/home/keystone/gateway/next/7', 0o600]])
    expect(step.parse('8 ab cd')).toEqual({ appliedRevision: 8, liveSections: ['ab', 'cd'] })
  })

  it('asks replicas: by name those of its own server, by address those elsewhere', () => {
    const here = { containerName: 'shop-web-1', address: null, port: 8080, path: '/up' }
    const elsewhere = { containerName: 'shop-web-2', address: '10.0.0.5', port: 20_001, path: '/health' }
    const step = gateway.ask({ containerName: 'gateway', asked: [here, elsewhere] })
    expect(step.inputs.ASKED).toBe('shop-web-1 8080 /up\nshop-web-2 20001 /health 10.0.0.5')
  })

  it('starts with a file that does not touch the applied one', () => {
    const step = caddy.configured({}).startReplica(replica())
    expect(step.files.map(({ path }) => path)).toEqual(['compose.yml', '.env', 'Caddyfile.first'].map((name) => `/home/keystone/gateway/${name}`))
    expect(step.inputs).toMatchObject({ NETWORKS: 'keystone_gateway', VOLUMES: 'keystone_service_svc_caddy_data\nkeystone_service_svc_caddy_config' })
  })
})

describe('an ACME authority within the company', () => {
  const acmeDirectory = 'https://ca.internal/acme/acme/directory'

  it('is checked against its own root, which lies beside the configuration', async () => {
    const { root } = await createAuthority()
    const configured = caddy.configured({ acmeDirectory, acmeRootCertificate: root })
    const { text, hash } = configured.gateway!.renderSection(route)
    expect(text).toContain(`shop.example.com {
	vars keystone_section ${hash}
	tls {
		issuer acme ${acmeDirectory} {
			trusted_roots /etc/caddy/acme-root.crt
		}
	}
	import leaving
`)
    const file = { path: '/home/keystone/gateway/acme-root.crt', content: root, mode: 0o600 }
    expect(configured.startReplica(replica()).files).toContainEqual(file)
  })

  it('is asked by every site, so also for domains that no public authority knows', () => {
    const { text, hash } = caddy.configured({ acmeDirectory }).gateway!.renderSection({ ...route, domain: 'shop.internal', config: { redirectFrom: ['shop'] } })
    const tls = `	tls {\n		issuer acme ${acmeDirectory}\n	}\n`
    expect(text).toContain(`shop.internal {\n	vars keystone_section ${hash}\n${tls}	import leaving\n`)
    expect(text).toContain(`shop {\n${tls}	import leaving\n	redir https://shop.internal{uri} 308\n}\n`)
  })

  it.each([
    ['an address without TLS', { acmeDirectory: 'http://ca.internal/acme/directory' }, 'acmeDirectory'],
    ['an address that Caddy would replace something in', { acmeDirectory: 'https://ca.internal/{env.HOME}' }, 'acmeDirectory'],
    ['a root that is no certificate', { acmeDirectory, acmeRootCertificate: 'root.crt' }, 'acmeRootCertificate'],
    ['a root of nowhere', async () => ({ acmeRootCertificate: (await createAuthority()).root }), 'acmeDirectory'],
  ])('does not have %s', async (_, settings, field) => {
    const parsed = caddy.configSchema.safeParse(typeof settings === 'function' ? await settings() : settings)
    expect(parsed.error?.issues.map(({ path }) => path.join('.'))).toEqual([field])
  })
})

describe('what the gateway reports', () => {
  it('is what still had requests when its time was over', () => {
    const drain = gateway.drain({ containerName: 'gateway', upstreams: [{ host: 'replica-1', port: 8080, windowSeconds: 30 }] })
    expect(drain.inputs).toEqual({ CONTAINER: 'gateway', UPSTREAMS: 'replica-1:8080 30' })
    expect(drain.parse('[]')).toEqual([])
    expect(drain.parse('[{"upstream":"replica-1:8080","inFlight":2}]')).toEqual([{ upstream: 'replica-1:8080', inFlight: 2 }])
  })
})
