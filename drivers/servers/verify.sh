#!/bin/bash
# Run as the user keystone over its own key: shows that Docker and Compose work, and what the server is.
set -euo pipefail

at_least() { [ "$(printf '%s\n' "$2" "$1" | sort --version-sort | head -n 1)" = "$2" ]; }

docker_version=$(docker version --format '{{.Server.Version}}')
compose_version=$(docker compose version --short)
at_least "$docker_version" "$MINIMUM_DOCKER" || { echo "Docker is $docker_version and needs to be $MINIMUM_DOCKER or later" >&2; exit 1; }
at_least "$compose_version" "$MINIMUM_COMPOSE" || { echo "Docker Compose is $compose_version and needs to be $MINIMUM_COMPOSE or later" >&2; exit 1; }
docker buildx version >/dev/null
sudo --non-interactive true

if [ -n "$PRIVATE_ADDRESS" ] && ! ip -oneline -4 address | grep -qF " $PRIVATE_ADDRESS/"; then
  echo "The server does not have the private address $PRIVATE_ADDRESS:" >&2
  ip -brief -4 address >&2
  exit 1
fi

case $(uname -m) in
  x86_64) architecture=amd64 ;;
  aarch64) architecture=arm64 ;;
  *) echo "The architecture $(uname -m) is not supported" >&2; exit 1 ;;
esac

os=$(. /etc/os-release && echo "$PRETTY_NAME")
memory=$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)
disk=$(df --output=size --block-size=1G / | tail -n 1 | tr -d ' ')
addresses=$(ip -oneline -4 address | awk '{ sub("/.*", "", $4); print $4 }' | paste -sd' ')
jq --null-input --arg architecture "$architecture" --arg os "$os" --arg cpus "$(nproc)" --arg memoryMb "$memory" --arg diskGb "$disk" \
  --arg docker "$docker_version" --arg compose "$compose_version" --arg kernel "$(uname -r)" --arg addresses "$addresses" \
  '{architecture: $architecture, facts: {os: $os, cpus: $cpus, memoryMb: $memoryMb, diskGb: $diskGb, docker: $docker, compose: $compose, kernel: $kernel, addresses: $addresses}}' \
  >"$KEYSTONE_RESULT"
