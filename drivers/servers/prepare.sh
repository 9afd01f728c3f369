#!/bin/bash
# Makes a Debian or Ubuntu server ready for Keystone: packages, Docker, the keystone user with its key. Each part looks first.
set -euo pipefail

export DEBIAN_FRONTEND=noninteractive
apt() { apt-get -o DPkg::Lock::Timeout=300 --yes --quiet --no-install-recommends "$@"; }

# A new cloud server installs things of its own first.
if command -v cloud-init >/dev/null; then
  cloud-init status --wait >/dev/null || [ "$?" = 2 ]
fi

is_installed() { dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

missing=()
read -ra packages <<<"$PACKAGES"
for package in "${packages[@]}"; do
  is_installed "$package" || missing+=("$package")
done

# Compose needs Docker's address pools before the first network is made, so the daemon's settings are written before it is installed.
mkdir -p /etc/docker
present=$(cat /etc/docker/daemon.json 2>/dev/null || echo '{}')
settings_changed=no

merge_settings() {
  local merged
  merged=$(jq --sort-keys --argjson ours "$DAEMON_SETTINGS" '. * $ours' <<<"$present")
  [ "$merged" != "$(jq --sort-keys . <<<"$present")" ] || return 0
  echo "$merged" >/etc/docker/daemon.json.keystone
  mv /etc/docker/daemon.json.keystone /etc/docker/daemon.json
  settings_changed=yes
}

if [ "${#missing[@]}" -gt 0 ]; then
  echo "Installing ${missing[*]}"
  apt update
  is_installed jq || apt install jq
  merge_settings
  apt install "${missing[@]}"
else
  merge_settings
  [ "$settings_changed" = no ] || { echo "Restarting Docker with its new settings"; systemctl restart docker; }
fi
systemctl enable --now docker >/dev/null 2>&1

if ! id keystone >/dev/null 2>&1; then
  echo "Creating the user keystone"
  useradd --create-home --shell /bin/bash keystone
fi
usermod --append --groups docker,sudo keystone
printf 'keystone ALL=(ALL) NOPASSWD: ALL\n' >/etc/sudoers.d/keystone.next
chmod 0440 /etc/sudoers.d/keystone.next
visudo --check --quiet --file /etc/sudoers.d/keystone.next
mv /etc/sudoers.d/keystone.next /etc/sudoers.d/keystone

install -d -m 0700 -o keystone -g keystone /home/keystone/.ssh
keys=/home/keystone/.ssh/authorized_keys
if ! grep -qxF "$MANAGEMENT_KEY" "$keys" 2>/dev/null; then
  echo "Installing Keystone's key"
  { cat "$keys" 2>/dev/null || true; echo "$MANAGEMENT_KEY"; } >"$keys.next"
  chown keystone: "$keys.next"
  chmod 0600 "$keys.next"
  mv "$keys.next" "$keys"
fi
chmod 0750 /home/keystone
install -d -m 0700 -o keystone -g keystone /home/keystone/services /home/keystone/operations
