# shellcheck shell=bash
# After containers.sh: ends a replica's scheduler. No more ticks, the running one may finish; returns when Docker shows it gone.

labels=("keystone.replica=$REPLICA" keystone.scheduler=yes)
schedulers=$(containers_with "${labels[@]}")
[ -n "$schedulers" ] || exit 0
# Whoever takes over needs a few seconds to start: this minute's last seconds are left to the old one, or a tick would be lost.
second=$((10#$(date +%S)))
[ "$second" -lt 50 ] || sleep $((61 - second))
stop_containers "$GRACE_SECONDS" "${labels[@]}"
