#!/bin/bash
# Makes the machine a host key that nobody but itself has ever had, and has sshd prove itself by that one as well.
set -euo pipefail

key=/etc/ssh/ssh_host_ed25519_key
if [ ! -e "$key" ]; then
  rm -f "$key.next" "$key.next.pub"
  ssh-keygen -q -t ed25519 -N '' -f "$key.next"
  mv "$key.next.pub" "$key.pub"
  mv "$key.next" "$key"
fi
systemctl reload ssh
cut -d' ' -f1,2 "$key.pub" >"$KEYSTONE_RESULT"
