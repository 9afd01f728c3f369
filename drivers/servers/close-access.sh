# Nobody gets in but by key, nobody as root, and by no port but those that are named. What is closed here opens again by itself unless
# Keystone has come in anew (prove-access.sh): it never locks itself out.
set -euo pipefail

drop_in=/etc/ssh/sshd_config.d/00-keystone.conf
was_open=/etc/keystone/ssh-was-open
has_ufw() { ufw status | grep -qx 'Status: active'; }

# known KIND NAMES: those that this sshd knows, for it starts with no other.
known() { grep -xF "$(ssh -Q "$1")" <<<"$2" | paste -sd,; }

# sshd takes the first word on each matter, and reads this file first.
settings="$SETTINGS
KexAlgorithms $(known kex "$KEX")
Ciphers $(known cipher "$CIPHERS")
MACs $(known mac "$MACS")"

guard() {
  systemctl stop keystone-reopen.timer 2>/dev/null || true
  systemd-run --quiet --collect --unit keystone-reopen --on-active="$REOPEN_SECONDS" --timer-property AccuracySec=1s \
    /bin/bash /etc/keystone/reopen-access.sh
}

# What there was stays remembered until access is proven, however often it is closed before.
remember() {
  [ ! -e "$drop_in.before" ] && [ ! -e "$was_open" ] || return 0
  if [ -e "$drop_in" ]; then cp -p "$drop_in" "$drop_in.before"; else touch "$was_open"; fi
}

not_closed() {
  systemctl stop keystone-reopen.timer 2>/dev/null || true
  /bin/bash /etc/keystone/reopen-access.sh
  give_up ssh_not_closed "$1"
}

mkdir -p /run/sshd
place "$REOPEN" /etc/keystone/reopen-access.sh 0700
rm -f /etc/keystone/reopened
if differs "$settings" "$drop_in"; then
  guard
  remember
  place "$settings" "$drop_in" 0600
  sshd -t || not_closed 'sshd does not accept its settings: see the log of this step.'
  systemctl try-reload-or-restart ssh
fi

effective=$(sshd -T -C user=root,host=server,addr=192.0.2.1)
for setting in 'permitrootlogin no' 'passwordauthentication no' 'kbdinteractiveauthentication no'; do
  grep -qxF "$setting" <<<"$effective" ||
    not_closed "sshd does not take \"$setting\" from $drop_in: let /etc/ssh/sshd_config begin with Include /etc/ssh/sshd_config.d/*.conf."
done

ports=$(sed -n 's/^port //p' <<<"$effective")
rules=$(ufw show added)
allow() { grep -qxF "ufw allow $1" <<<"$rules" || ufw allow "$1"; }
for port in $ports "$ARRIVAL_PORT"; do allow "$port/tcp"; done
for port in $OPEN_PORTS; do allow "$port"; done
grep -qx 'DEFAULT_INPUT_POLICY="DROP"' /etc/default/ufw || ufw default deny incoming
if ! has_ufw; then
  guard
  touch /etc/keystone/ufw-was-off
  ufw --force enable
fi
