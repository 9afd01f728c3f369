import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseChallenges } from '../../../drivers/registries/challenge.ts'
import { parseReference } from '../../../drivers/registries/reference.ts'

const digest = `sha256:${'a'.repeat(64)}`

describe('parseReference', () => {
  it.each([
    ['postgres', { host: 'docker.io', repository: 'library/postgres', tag: 'latest', digest: null }],
    ['serversideup/php:8.4-frankenphp', { host: 'docker.io', repository: 'serversideup/php', tag: '8.4-frankenphp', digest: null }],
    ['docker.io/caddy:2', { host: 'docker.io', repository: 'library/caddy', tag: '2', digest: null }],
    ['ghcr.io/team/shop:1.4', { host: 'ghcr.io', repository: 'team/shop', tag: '1.4', digest: null }],
    ['localhost/shop', { host: 'localhost', repository: 'shop', tag: 'latest', digest: null }],
    ['10.60.0.3:5000/team/a/b__c:x', { host: '10.60.0.3:5000', repository: 'team/a/b__c', tag: 'x', digest: null }],
    [`registry.example.com/team/shop@${digest}`, { host: 'registry.example.com', repository: 'team/shop', tag: null, digest }],
    [`registry.example.com/team/shop:1.4@${digest}`, { host: 'registry.example.com', repository: 'team/shop', tag: '1.4', digest }],
  ])('reads %s as Docker does', (text, expected) => expect(parseReference(text)).toEqual(expected))

  it.each([
    '', ' ', 'Shop', 'a//b', 'shop:', 'shop:a b', 'shop@sha256:1', `shop@${digest}@${digest}`, 'shop:1:2', 'https://ghcr.io/team/shop', '../etc', 'a/../b',
    '-shop', `${'a'.repeat(256)}`, 'registry.example.com/', 'ghcr.io:99999999/x', 'a\nb', 'shop?x=1', 'shop#x',
  ])('refuses %j and says how one is written', (text) => {
    expect(() => parseReference(text)).toThrow(expect.objectContaining({ code: 'invalid_image_reference', field: 'image', message: expect.stringContaining('team/shop:1.4') }))
  })

  it('lets nothing through that could become another path of the registry', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.webUrl(), fc.webPath()), (text) => {
        try {
          const { repository, tag } = parseReference(text)
          expect(`${repository}:${tag}`).toMatch(/^[a-z0-9._/-]+:[A-Za-z0-9._-]+$/)
          expect(repository.split('/')).not.toContain('..')
        } catch (error) {
          expect(error).toMatchObject({ code: 'invalid_image_reference' })
        }
      }),
    )
  })
})

describe('parseChallenges', () => {
  it.each([
    ['Basic realm="lab"', [{ scheme: 'basic', parameters: { realm: 'lab' } }]],
    [
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
      [{ scheme: 'bearer', parameters: { realm: 'https://auth.docker.io/token', service: 'registry.docker.io', scope: 'repository:a/b:pull,push' } }],
    ],
    [
      'Bearer realm="https://git.example.com/v2/token",service="container_registry",scope="*", Basic realm="https://git.example.com"',
      [
        { scheme: 'bearer', parameters: { realm: 'https://git.example.com/v2/token', service: 'container_registry', scope: '*' } },
        { scheme: 'basic', parameters: { realm: 'https://git.example.com' } },
      ],
    ],
    ['Bearer realm=plain , service = x', [{ scheme: 'bearer', parameters: { realm: 'plain', service: 'x' } }]],
    ['Negotiate, Basic realm="say \\"x\\""', [{ scheme: 'negotiate', parameters: {} }, { scheme: 'basic', parameters: { realm: 'say "x"' } }]],
    ['', []],
    ['realm="of nobody"', []],
  ])('reads %s', (header, expected) => expect(parseChallenges(header)).toEqual(expected))
})
