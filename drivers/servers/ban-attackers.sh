# fail2ban shuts out whoever tries passwords and keys at sshd, but never Keystone.
set -euo pipefail

if differs "$JAIL" /etc/fail2ban/jail.d/keystone.conf; then
  place "$JAIL" /etc/fail2ban/jail.d/keystone.conf
  systemctl reload-or-restart fail2ban
fi
run_unit fail2ban
