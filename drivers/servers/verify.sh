#!/bin/bash
# Run as the user keystone over its own key: shows that Docker and Compose work, that the server is closed, and what it is.
set -euo pipefail

fail() { echo "$1" >&2; exit 1; }
at_least() { [ "$(printf '%s\n' "$2" "$1" | sort --version-sort | head -n 1)" = "$2" ]; }

docker_version=$(docker version --format '{{.Server.Version}}')
compose_version=$(docker compose version --short)
at_least "$docker_version" "$MINIMUM_DOCKER" || fail "Docker is $docker_version and needs to be $MINIMUM_DOCKER or later"
at_least "$compose_version" "$MINIMUM_COMPOSE" || fail "Docker Compose is $compose_version and needs to be $MINIMUM_COMPOSE or later"
docker buildx version >/dev/null

sudo ufw status | grep -qx 'Status: active' || fail 'UFW is not active'
sudo iptables --wait --check DOCKER-USER --jump KEYSTONE-PORTS || fail "Ports of containers are not behind the firewall"
sudo fail2ban-client status sshd >/dev/null || fail 'fail2ban does not watch sshd'
sshd=$(sudo sshd -T -C user=root,host=server,addr=192.0.2.1)
for setting in 'permitrootlogin no' 'passwordauthentication no' 'kbdinteractiveauthentication no'; do
  grep -qxF "$setting" <<<"$sshd" || fail "sshd does not have \"$setting\""
done

if [ -n "$PRIVATE_ADDRESS" ] && ! ip -oneline -4 address | grep -qF " $PRIVATE_ADDRESS/"; then
  echo "The server does not have the private address $PRIVATE_ADDRESS:" >&2
  ip -brief -4 address >&2
  exit 1
fi

case $(uname -m) in
  x86_64) architecture=amd64 ;;
  aarch64) architecture=arm64 ;;
  *) fail "The architecture $(uname -m) is not supported" ;;
esac

fact() { printf '%s\t%s\n' "$1" "$2"; }
addresses() { ip -oneline "$1" address show scope global | awk '{ sub("/.*", "", $4); print $4 }' | paste -sd' '; }
{
  fact os "$(. /etc/os-release && echo "$PRETTY_NAME")"
  fact kernel "$(uname -r)"
  fact cpus "$(nproc)"
  fact memoryMb "$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)"
  fact diskGb "$(df --output=size --block-size=1G / | tail -n 1 | tr -d ' ')"
  fact docker "$docker_version"
  fact compose "$compose_version"
  fact openssh "$(dpkg-query --show --showformat='${Version}' openssh-server)"
  fact addresses "$(addresses -4)"
  fact addresses6 "$(addresses -6)"
} | jq --raw-input --slurp --arg architecture "$architecture" \
  '{architecture: $architecture, facts: split("\n") | map(select(. != "") | split("\t") | {key: .[0], value: .[1]}) | from_entries}' >"$KEYSTONE_RESULT"
