#!/bin/bash
# Ends a replica's scheduler: no more ticks, the running one may finish. Returns only when Docker shows no such container.
set -euo pipefail

schedulers() { docker ps --all --quiet --filter "label=keystone.replica=$REPLICA" --filter label=keystone.scheduler=yes; }

mapfile -t containers < <(schedulers)
[ "${#containers[@]}" -gt 0 ] || exit 0
# Whoever takes over needs a few seconds to start: this minute's last seconds are left to the old one, or a tick would be lost.
second=$((10#$(date +%S)))
[ "$second" -lt 50 ] || sleep $((61 - second))
docker stop --time "$GRACE_SECONDS" "${containers[@]}" >/dev/null
docker rm --force "${containers[@]}" >/dev/null
[ -z "$(schedulers)" ] || { echo "the scheduler of replica $REPLICA is still there" >&2; exit 1; }
