import ssh2 from 'ssh2'
import { describe, expect, it } from 'vitest'
import { generateDeployKey } from '../../../drivers/sources/deploy-key.ts'
import { keyFingerprint, knownHosts, pinnedHostKeys } from '../../../drivers/sources/known-hosts.ts'

describe('deploy keys', () => {
  it('are ed25519 pairs in the format of OpenSSH', () => {
    const key = generateDeployKey('keystone shop')
    expect(key.publicKey).toMatch(/^ssh-ed25519 \S+ keystone shop$/)
    const parsed = ssh2.utils.parseKey(key.privateKey.reveal())
    if (parsed instanceof Error) throw parsed
    expect(parsed.type).toBe('ssh-ed25519')
    expect(`ssh-ed25519 ${parsed.getPublicSSH().toString('base64')} keystone shop`).toBe(key.publicKey)
    expect(key.fingerprint).toBe(keyFingerprint(key.publicKey))
    expect(generateDeployKey('x').publicKey).not.toBe(key.publicKey)
  })

  it('are whole, all of them: one in 256 has a leading zero byte', () => {
    const message = Buffer.from('message')
    const broken = Array.from({ length: 2000 }, () => generateDeployKey('x')).filter(({ publicKey, privateKey }) => {
      const [secret, open] = [ssh2.utils.parseKey(privateKey.reveal()), ssh2.utils.parseKey(publicKey)]
      return secret instanceof Error || open instanceof Error || open.verify(message, secret.sign(message)) !== true
    })
    expect(broken).toEqual([])
  })
})

describe('pinned host keys', () => {
  /** As GitHub, GitLab and Codeberg publish them in their documentation. */
  it.each([
    ['github.com', ['SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU', 'SHA256:p2QAMXNIC1TJYWeIOttrVc98/R1BUFWu3/LiyKgUfQM']],
    ['gitlab.com', ['SHA256:eUXGGm1YGsMAS7vkcx6JOJdOGHPem5gQp4taiCfCLB8', 'SHA256:HbW3g8zUjNSksFbqTiUWPWg2Bq1x8xdGUrliXFzSnUw']],
    ['codeberg.org', ['SHA256:mIlxA9k46MmM6qdJOdMnAQpzGxF4WIVVL+fj+wZbw0g']],
  ])('of %s have the published fingerprints', (host, fingerprints) => {
    expect(pinnedHostKeys({ host, port: 22 }, []).map(keyFingerprint)).toEqual(fingerprints)
  })

  it('of other hosts and ports are the confirmed ones', () => {
    expect(pinnedHostKeys({ host: 'git.example.com', port: 22 }, ['ssh-ed25519 AAAA root@git'])).toEqual(['ssh-ed25519 AAAA'])
    expect(pinnedHostKeys({ host: 'github.com', port: 2222 }, [])).toEqual([])
  })

  it('are written as ssh reads them', () => {
    expect(knownHosts({ host: 'git.example.com', port: 22 }, ['ssh-ed25519 AAAA'])).toBe('git.example.com ssh-ed25519 AAAA\n')
    expect(knownHosts({ host: 'git.example.com', port: 2222 }, ['ssh-ed25519 AAAA'])).toBe('[git.example.com]:2222 ssh-ed25519 AAAA\n')
  })
})
