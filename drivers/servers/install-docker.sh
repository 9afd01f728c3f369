# Docker with Keystone's settings. Docker needs its address pools before the first network is made, so they are written before it is there.
set -euo pipefail

file=/etc/docker/daemon.json
present=$(jq --sort-keys . "$file" 2>/dev/null || echo '{}')
merged=$(jq --sort-keys --argjson ours "$DAEMON_SETTINGS" '. * $ours' <<<"$present")
is_changed=no
if [ "$merged" != "$present" ]; then
  is_changed=yes
  place "$merged" "$file"
fi

if [ -n "$REPOSITORY" ] && ! [ -e /etc/apt/sources.list.d/keystone-docker.list ]; then
  install_packages ca-certificates curl gnupg
  key=$(curl --fail --silent --show-error --location --retry 3 "$REPOSITORY_KEY_URL") ||
    give_up packages_failed "The key of Docker's repository cannot be fetched from $REPOSITORY_KEY_URL."
  # Whatever key is in the file is trusted: there is to be no other.
  primary=$(gpg --show-keys --with-colons <<<"$key" | awk -F: '$1 == "pub" { is_primary = 1 } $1 == "fpr" && is_primary { print $10; is_primary = 0 }' || true)
  [ "$primary" = "$REPOSITORY_KEY_FINGERPRINT" ] ||
    give_up repository_key_changed "$REPOSITORY_KEY_URL is another key than $REPOSITORY_KEY_FINGERPRINT."
  place "$key" /etc/apt/keyrings/docker.asc
  place "$REPOSITORY" /etc/apt/sources.list.d/keystone-docker.list
  rm -f "$lists_fetched"
fi

was_running=no
! systemctl is-active --quiet docker || was_running=yes
read -ra packages <<<"$PACKAGES"
require_room /var/lib
install_packages "${packages[@]}"
if [ "$is_changed" = yes ] && [ "$was_running" = yes ]; then
  echo "Restarting Docker with its new settings"
  # Containers outlive the restart once live-restore is on.
  systemctl reload docker
  timeout 20 bash -c 'until [ "$(docker info --format "{{.LiveRestoreEnabled}}")" = true ]; do sleep 0.1; done'
  systemctl restart docker
fi
run_unit docker
usermod --append --groups docker keystone
