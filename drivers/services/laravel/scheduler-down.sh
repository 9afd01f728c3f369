#!/bin/bash
# Ends a replica's scheduler: no more ticks, the running one may finish. Returns only when Docker shows no such container.
set -euo pipefail

schedulers() { docker ps --all --quiet --filter "label=keystone.replica=$REPLICA" --filter label=keystone.scheduler=yes; }

mapfile -t containers < <(schedulers)
[ "${#containers[@]}" -gt 0 ] || exit 0
docker stop --time "$GRACE_SECONDS" "${containers[@]}" >/dev/null
docker rm --force "${containers[@]}" >/dev/null
[ -z "$(schedulers)" ] || { echo "the scheduler of replica $REPLICA is still there" >&2; exit 1; }
