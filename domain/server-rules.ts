/** What a server is made ready with (`server_harden`), whatever runs on it; each by a name that its user knows. */
export const serverRules = ['sshd', 'ufw', 'fail2ban', 'unattended-upgrades'] as const
export type ServerRule = (typeof serverRules)[number]

/** As each is in force; null where the server cannot tell. What differs from `meant` does not hold. */
export type SeenRules = Readonly<Record<ServerRule, string | null>>

interface MeantRule {
  meant: string
  /** What is wrong where it does not hold. */
  lost: (server: string) => string
}

export const meantRules: Readonly<Record<ServerRule, MeantRule>> = {
  sshd: {
    meant: 'permitrootlogin no, passwordauthentication no, kbdinteractiveauthentication no',
    lost: (server) => `The SSH server of ${server} is not set to let in by keys and current algorithms alone, and nobody as root.`,
  },
  ufw: { meant: 'active, deny (incoming)', lost: (server) => `UFW does not shut ${server} to what comes in.` },
  fail2ban: { meant: 'watches sshd', lost: (server) => `fail2ban does not watch the SSH server of ${server}.` },
  'unattended-upgrades': { meant: 'on', lost: (server) => `Security updates do not install themselves on ${server}.` },
}
