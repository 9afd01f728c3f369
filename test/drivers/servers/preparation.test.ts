import { describe, expect, test } from 'vitest'
import { closeAccess } from '../../../drivers/servers/access.ts'
import { arrivalOf, awaitSystem, banAttackers, keepUpToDate } from '../../../drivers/servers/preparation.ts'

describe('a server is told', () => {
  test('whom not to ban, and where sshd listens', () => {
    expect(banAttackers(arrivalOf('192.0.2.7 50412 203.0.113.10 2222\n')).inputs.JAIL).toBe(
      ['[DEFAULT]', 'ignoreip = 127.0.0.1/8 ::1 192.0.2.7', '[sshd]', 'enabled = true', 'backend = systemd', 'port = ssh,2222'].join('\n'),
    )
  })

  test('to install updates daily', () => {
    expect(keepUpToDate().inputs.PERIODIC).toBe('APT::Periodic::Update-Package-Lists "1";\nAPT::Periodic::Unattended-Upgrade "1";')
  })

  test.each([
    ['ssh-ed25519 AAAA', 'ssh-ed25519,rsa-sha2-512,rsa-sha2-256'],
    ['ssh-rsa AAAA', 'ssh-ed25519,rsa-sha2-512,rsa-sha2-256'],
    ['ecdsa-sha2-nistp256 AAAA', 'ssh-ed25519,rsa-sha2-512,rsa-sha2-256,ecdsa-sha2-nistp256'],
  ])('how SSH is closed, so that its pinned key %s stays of use', (hostKey, algorithms) => {
    const { inputs } = closeAccess({ port: 2222, hostKey })
    expect(inputs.SETTINGS?.split('\n')).toEqual([
      ...['PermitRootLogin no', 'PasswordAuthentication no', 'KbdInteractiveAuthentication no', 'PermitEmptyPasswords no'],
      ...['PubkeyAuthentication yes', 'X11Forwarding no', 'LoginGraceTime 30', `HostKeyAlgorithms ${algorithms}`],
    ])
    expect(inputs).toMatchObject({ ARRIVAL_PORT: '2222', OPEN_PORTS: '80/tcp 443/tcp 443/udp' })
  })
})

test.each([['nothing', ''], ['half of it', '192.0.2.7 50412'], ['no port', '192.0.2.7 50412 203.0.113.10 ssh']])('%s is no arrival', (_, told) => {
  expect(() => arrivalOf(told)).toThrow()
})

test('what a script gives up with is the failure, with what to do; another end is what its exit code says', () => {
  const step = awaitSystem()
  expect(step.explain?.('disk_full\nThe disk is full: /var/lib has 3 MB left, and 1024 MB are needed.\n')).toEqual({
    code: 'disk_full',
    message: 'The disk is full: /var/lib has 3 MB left, and 1024 MB are needed.',
    hint: expect.any(String),
  })
  expect(step.explain?.('')).toBeNull()
})
