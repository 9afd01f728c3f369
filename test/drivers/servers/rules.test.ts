import { describe, expect, it } from 'vitest'
import { meantRules, serverRules } from '../../../domain/server-rules.ts'
import { readRules } from '../../../drivers/servers/rules.ts'

const sshd = [
  ...['port 22', 'permitrootlogin no', 'passwordauthentication no', 'kbdinteractiveauthentication no', 'gssapikexalgorithms gss-group14-sha256-'],
  ...['ciphers aes256-gcm@openssh.com,aes128-ctr', 'macs hmac-sha2-512-etm@openssh.com', 'kexalgorithms curve25519-sha256'],
]
const told = {
  sshd: sshd.join('\n'),
  ufw: 'Status: active\nLogging: on (low)\nDefault: deny (incoming), allow (outgoing), deny (routed)\nNew profiles: skip\n\nTo   Action   From',
  fail2ban: 'Status for the jail: sshd',
  ...{ upgrades: "daily='1'", timer: 'LoadState=loaded\nActiveState=active' },
}

describe('the rules of a server', () => {
  it('are those that it was made ready with', () => {
    const seen = readRules(told)
    for (const rule of serverRules) expect(seen[rule]).toBe(meantRules[rule].meant)
  })

  const { meant } = meantRules.sshd
  it.each([
    ['sshd', { sshd: told.sshd.replace('passwordauthentication no', 'passwordauthentication yes') }, meant.replace('passwordauthentication no', 'passwordauthentication yes')],
    ['sshd', { sshd: told.sshd.replace('aes128-ctr', 'aes128-ctr,aes128-cbc') }, `${meant}, ciphers aes128-cbc`],
    ['sshd', { sshd: '' }, null],
    ['ufw', { ufw: 'Status: inactive' }, 'inactive'],
    ['ufw', { ufw: told.ufw.replace('deny (incoming)', 'allow (incoming)') }, 'active, allow (incoming)'],
    ['ufw', { ufw: '' }, null],
    ['fail2ban', { fail2ban: '' }, 'does not watch sshd'],
    ['fail2ban', { fail2ban: "Sorry but the jail 'sshd' does not exist" }, 'does not watch sshd'],
    ['unattended-upgrades', { upgrades: "daily='0'" }, 'off'],
    ['unattended-upgrades', { upgrades: '' }, 'off'],
    ['unattended-upgrades', { timer: 'LoadState=loaded\nActiveState=inactive' }, 'apt-daily-upgrade.timer does not run'],
    ['unattended-upgrades', { timer: 'LoadState=masked\nActiveState=inactive' }, 'on'],
  ] as const)('%s is seen where it is told as %j', (rule, change, found) => {
    expect(readRules({ ...told, ...change })[rule]).toBe(found)
  })
})
