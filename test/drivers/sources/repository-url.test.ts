import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SourceError } from '../../../drivers/sources/errors.ts'
import { parseRepositoryUrl } from '../../../drivers/sources/repository-url.ts'

describe('parseRepositoryUrl', () => {
  it.each([
    ['ssh://git@git.example.com/team/shop.git', { host: 'git.example.com', port: 22, user: 'git', path: '/team/shop.git' }],
    ['ssh://gitea@Git.Example.com:2222/team/shop.git', { host: 'git.example.com', port: 2222, user: 'gitea', path: '/team/shop.git' }],
    ['ssh://10.0.0.5/~/shop.git', { host: '10.0.0.5', port: 22, user: 'git', path: '~/shop.git' }],
    ['git@github.com:team/shop.git', { host: 'github.com', port: 22, user: 'git', path: 'team/shop.git' }],
    ['github.com:team/shop', { host: 'github.com', port: 22, user: 'git', path: 'team/shop' }],
    ['git@git.lab:/srv/shop.git', { host: 'git.lab', port: 22, user: 'git', path: '/srv/shop.git' }],
  ])('reads %s', (url, address) => expect(parseRepositoryUrl(url)).toEqual(address))

  it.each([
    'https://github.com/team/shop.git',
    'file:///etc/passwd',
    '/srv/shop.git',
    'ssh://git@git.example.com',
    'ssh://git@git.example.com:0/shop.git',
    'ssh://git@git.example.com:65536/shop.git',
    'ssh://-oProxyCommand=id/shop.git',
    'git@-oProxyCommand=id:shop.git',
    '-oProxyCommand=id@git.example.com:shop.git',
    'git@git.example.com:--upload-pack=id',
    'ext::sh -c id',
    'git@git.example.com:shop.git\n',
    "git@git.example.com:shop'.git",
    '',
  ])('refuses %j and names the field', (url) => {
    expect(() => parseRepositoryUrl(url)).toThrow(expect.objectContaining({ code: 'invalid_repository_url', field: 'repositoryUrl' }))
  })

  it('gives nothing that could be taken for an option or for shell text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.constantFrom('', 'ssh://', 'git@h:', 'ssh://git@h/'), (text, start) => {
        try {
          const { host, user, path } = parseRepositoryUrl(start + text)
          for (const part of [host, user, path]) expect(part).toMatch(/^[A-Za-z0-9_/~][A-Za-z0-9._~/+@-]*$/)
        } catch (error) {
          expect(error).toBeInstanceOf(SourceError)
        }
      }),
    )
  })
})
