export interface AllowedDifference {
  /** Matched against a line of `compareFingerprints`, which begins with +, - or ~. */
  pattern: RegExp
  reason: string
}

/** THE list of what may differ on a server without being a leftover. A new line needs a reason that a reviewer accepts. */
export const allowedDifferences: readonly AllowedDifference[] = [
  {
    pattern: /^\+ file (\/home\/keystone|\/var\/lib\/keystone)\/operations[/:]/,
    reason: 'operation folders stay until the retention time ends',
  },
  {
    pattern: /^\+ image (?!keystone\/)[^<]/,
    reason: 'a pulled base is pulled for the next one too; what Keystone builds is named keystone/…',
  },
  { pattern: /^~ file \/etc\/keystone\/firewall\.revision:/, reason: 'it counts on; the rules themselves are compared' },
  { pattern: /^\+ volume keystone_/, reason: 'named volumes hold data and are never removed on the way' },
  { pattern: /^[+~-] file \/home\/keystone\/\.buildx[/:]/, reason: "buildx's notes on its builds: part of the build cache" },
  {
    pattern: /^[+~-] file \/(root|home\/keystone)\/\.docker(\/buildx.*)?:/,
    reason: "buildx's settings: part of the build cache",
  },
  {
    pattern: /^[+~-] file \/run\/(docker|containerd)[/:]/,
    reason: 'sockets and namespaces of containers; these are compared themselves',
  },
  { pattern: /^\+ file \/run\/runc:/, reason: "runc's own folder, made when the first image is built after a boot" },
  { pattern: /^[+-] file \/tmp\/runc-process\d+:/, reason: 'a health check that is just being made' },
  { pattern: /^[+~-] file \/var\/lib\/containerd\//, reason: "containerd's own tables; the containers are compared themselves" },
  {
    pattern: /^[+~-] file \/run\/(systemd|credentials|user|log|sudo|udev)[/:]/,
    reason: 'systemd, logind and sudo keep who is logged in there',
  },
  {
    pattern: /^[+~-] file \/var\/(log|lib\/systemd|lib\/sudo)\//,
    reason: 'logs grow, and systemd keeps the times of its timers',
  },
  {
    pattern: /^[+~-] file \/var\/lib\/fail2ban\//,
    reason: 'fail2ban notes who tried to log in; a ban itself is a line of the firewall',
  },
  { pattern: /^[+-] file \/(var\/)?tmp\/systemd-private-/, reason: "systemd's private folders of its own services" },
  { pattern: /^[+-] unit (user@|user-runtime-dir@|session-)\S+:/, reason: 'somebody is logged in' },
  { pattern: /^[+-] unit systemd-(hostnamed|timedated|localed)\.service:/, reason: 'started by whoever asks it, ends by itself' },
  {
    pattern: /^- unit (ldconfig|systemd-(sysusers|update-done|journal-catalog-update))\.service:/,
    reason: 'run at the first boot only',
  },
  {
    pattern: /^~ file \/home\/keystone\/services\/[^/]+\/[^/]+\/scheduler\/ticked:/,
    reason: 'a scheduler that runs notes the last minute that it ticked',
  },
  { pattern: /^[+~-] process (keystone|root) (sshd|sshd-session): /, reason: 'connections to the server are pooled' },
  { pattern: /^[+~-] process \S+ (\(sd-pam\)|\S*\/systemd --user)/, reason: 'somebody is logged in' },
  {
    pattern: /^[+-] (firewall|listening) .*127\.0\.0\.11/,
    reason: "the lab's own resolver takes other ports when the server boots",
  },
  { pattern: /^[+-] listening tcp 127\.0\.0\.1:\d{5}:/, reason: "containerd's own, another port each time it starts" },
  { pattern: /^~ file \/(run\/lab\.|proc\/sys\/kernel\/random\/boot_id:)/, reason: 'the lab writes them again when the server boots' },
  {
    pattern: /^~ file \/run\/(containerd|crond|docker|sshd|fail2ban)[^:]*\.(pid|reboot):/,
    reason: 'services have other process ids after a reboot',
  },
]
