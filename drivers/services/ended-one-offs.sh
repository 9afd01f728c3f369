# shellcheck shell=bash
# Removes containers in which operations of ORGANISATION have run a command and that ended a day ago or more, but for those of
# KEEP_OPERATIONS (hashes, one a line): what an operation still wants to know of one is in its step by then.

yesterday=$(date --utc --date '1 day ago' +%Y-%m-%dT%H:%M:%S)
ended=$(docker ps --all --quiet --no-trunc --filter "label=keystone.organisation=$ORGANISATION" --filter label=keystone.oneoff --filter status=exited --filter status=dead)
while read -r id; do
  [ -n "$id" ] || continue
  told=$(docker inspect --format '{{index .Config.Labels "keystone.oneoff"}} {{.State.FinishedAt}} {{.Name}}' "$id") || continue
  read -r hash finished name <<<"$told"
  ! grep --quiet --fixed-strings --line-regexp -- "$hash" <<<"$KEEP_OPERATIONS" || continue
  [[ $finished > $yesterday ]] || { docker rm "$id" >/dev/null && echo "Removed the container ${name#/}"; }
done <<<"$ended"
