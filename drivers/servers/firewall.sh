#!/bin/bash
# Gives the server a revision of the rules for ports of its containers, unless it has a later one; that one is put back where somebody
# has changed it, or an earlier Keystone wrote it otherwise. What Docker publishes goes around UFW's rules and through the chain
# DOCKER-USER, which Docker leaves to us: a chain of our own hangs there, and a unit puts it back before Docker starts again.
set -euo pipefail

folder=/etc/keystone
unit=keystone-firewall.service
sudo install -d -m 0755 "$folder"
exec 9>/home/keystone/.firewall.lock
flock 9

# place TEXT PATH: nobody reads half a file.
place() {
  sudo cmp --quiet "$2" - <<<"$1" || { sudo tee "$2.next" <<<"$1" >/dev/null && sudo mv "$2.next" "$2"; }
}

applied=$(cat "$folder/firewall.revision" 2>/dev/null || echo 0)
if [ "$applied" -le "$REVISION" ]; then
  sudo iptables-restore --test --noflush <<<"$RULES"
  place "$RULES" "$folder/firewall.rules"
  place "$LOADER" "$folder/load-firewall.sh"
  place "$UNIT" "/etc/systemd/system/$unit"
  sudo systemctl daemon-reload
  sudo systemctl enable --quiet "$unit"
fi
# Also where nothing has changed: somebody may have flushed the chain.
sudo systemctl restart "$unit"
[ "$applied" -ge "$REVISION" ] || place "$REVISION" "$folder/firewall.revision"
sudo iptables --wait --list-rules KEYSTONE-PORTS | tee "$KEYSTONE_RESULT"
