#!/bin/bash
# What scripts that look at containers begin with. Docker's answers are assigned before they are judged: an outage of Docker
# ends the script and is not taken for an absent container.
set -euo pipefail

# Containers that carry all these labels, whatever their state.
containers_with() { docker ps --all --quiet --no-trunc "${@/#/--filter=label=}"; }

# await_healthy CONTAINER [FORMAT]: after a reboot everything starts at once, so a container is given a minute before it is used. What
# `docker inspect` has of it in this format is put into $told.
await_healthy() {
  local seen deadline=$((SECONDS + 60))
  while :; do
    seen=$(docker inspect --format "{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}} ${2-}" "$1")
    told=${seen#running healthy }
    [ "$told" = "$seen" ] || return 0
    [ "$SECONDS" -lt "$deadline" ] || { echo "the container $1 is not running and healthy: it is $seen" >&2; exit 1; }
    sleep 0.2
  done
}

# stop_containers GRACE_SECONDS LABEL...: stops and removes, and returns when Docker shows none of them, whoever removed it.
stop_containers() {
  local grace=$1 found ids deadline=$((SECONDS + $1 + 60))
  shift
  found=$(containers_with "$@")
  while [ -n "$found" ]; do
    [ "$SECONDS" -lt "$deadline" ] || { echo "these containers cannot be removed: $found" >&2; exit 1; }
    mapfile -t ids <<<"$found"
    { docker stop --time "$grace" "${ids[@]}" && docker rm --force "${ids[@]}"; } >/dev/null || sleep 0.2
    found=$(containers_with "$@")
  done
}
