# The user keystone with its key. It may use sudo without a password, since nothing else can be asked for one.
set -euo pipefail

install_packages sudo openssh-client

if ! id keystone >/dev/null 2>&1; then
  echo "Creating the user keystone"
  useradd --create-home --shell /bin/bash keystone
fi
usermod --append --groups sudo keystone
chmod 0750 /home/keystone
install -d -m 0700 -o keystone -g keystone /home/keystone/services /home/keystone/operations /home/keystone/.ssh

rule='keystone ALL=(ALL) NOPASSWD: ALL'
visudo --check --quiet --file - <<<"$rule"
place "$rule" /etc/sudoers.d/keystone 0440

keys=/home/keystone/.ssh/authorized_keys
if ! grep -qxF "$MANAGEMENT_KEY" "$keys" 2>/dev/null; then
  echo "Installing Keystone's key"
  { cat "$keys" 2>/dev/null || true; echo "$MANAGEMENT_KEY"; } >"$keys.next"
  chown keystone: "$keys.next"
  chmod 0600 "$keys.next"
  mv "$keys.next" "$keys"
fi
