# The first look at a server: its seller's own preparation has ended, it is one that Keystone knows, and its disk has room.
set -euo pipefail

if command -v cloud-init >/dev/null; then
  echo "Waiting for cloud-init"
  cloud-init status --wait >/dev/null || [ "$?" = 2 ] || give_up cloud_init_failed "cloud-init has failed: see cloud-init status --long on the server."
fi

os=$(. /etc/os-release && echo "$ID $VERSION_ID")
grep -qxF "$os" <<<"$SYSTEMS" || give_up system_unsupported "The server runs $os; Keystone knows ${SYSTEMS//$'\n'/, }."
[ -d /run/systemd/system ] || give_up system_unsupported "The server does not run systemd."
require_room / /var/cache/apt/archives /var/lib
await_apt
