import { z } from 'zod'
import type { SeenRules } from '../../domain/server-rules.ts'
import { algorithms } from './access.ts'

/** What the programs of a server say of its rules (observe.sh), word for word; empty where one says nothing. */
export const toldRules = z.object({ sshd: z.string(), ufw: z.string(), fail2ban: z.string(), upgrades: z.string(), timer: z.string() })

/** The rules as they are in force, in the words of `meantRules`. */
export const readRules = ({ sshd, ufw, fail2ban, upgrades, timer }: z.infer<typeof toldRules>): SeenRules => ({
  sshd: sshd === '' ? null : sshdRule(sshd),
  ufw: ufw === '' ? null : ufwRule(ufw),
  fail2ban: fail2ban === 'Status for the jail: sshd' ? 'watches sshd' : 'does not watch sshd',
  'unattended-upgrades': upgradesRule(upgrades, timer),
})

const settings = ['permitrootlogin', 'passwordauthentication', 'kbdinteractiveauthentication']
const algorithmsBySetting = { kexalgorithms: algorithms.KEX, ciphers: algorithms.CIPHERS, macs: algorithms.MACS }

/** From what `sshd -T` prints: its settings, and algorithms that it has beyond Keystone's. */
function sshdRule(told: string): string {
  const values = new Map(told.split('\n').map((line) => [line.split(' ')[0] ?? '', line.split(' ').slice(1).join(' ')]))
  const others = Object.entries(algorithmsBySetting).flatMap(([setting, ours]) => {
    const known = new Set(ours.split('\n'))
    const more = (values.get(setting) ?? '').split(',').filter((algorithm) => !known.has(algorithm))
    return more.length > 0 ? [`${setting} ${more.join(',')}`] : []
  })
  return [...settings.map((setting) => `${setting} ${values.get(setting) ?? ''}`), ...others].join(', ')
}

/** `Status: active`, and `Default: deny (incoming), allow (outgoing), …` where it is. */
function ufwRule(told: string): string {
  const status = /^Status: (.*)$/m.exec(told)?.[1]
  const incoming = /^Default: (\S+ \(incoming\))/m.exec(told)?.[1]
  return [status, incoming].filter((part) => part !== undefined).join(', ')
}

/** Whether it is wanted daily, and the timer does it. One that somebody has masked stays so (keep-up-to-date.sh). */
function upgradesRule(told: string, timer: string): string {
  const isDaily = /^daily='[1-9]/m.test(told)
  if (!isDaily) return 'off'
  const isLeftAlone = /^LoadState=masked$/m.test(timer)
  return isLeftAlone || /^ActiveState=active$/m.test(timer) ? 'on' : 'apt-daily-upgrade.timer does not run'
}
