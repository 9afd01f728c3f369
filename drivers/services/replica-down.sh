#!/bin/bash
# Stops the containers of one replica gracefully and removes them, then what PATHS lists (one a line) once nothing of the
# project is left. Images, volumes and networks stay.
set -euo pipefail

mapfile -t leftovers < <(printf '%s' "$PATHS")
mapfile -t containers < <(docker ps --all --quiet --filter "label=keystone.replica=$REPLICA")
if [ "${#containers[@]}" -gt 0 ]; then
  docker stop --time "$GRACE_SECONDS" "${containers[@]}" >/dev/null
  docker rm --force "${containers[@]}" >/dev/null
fi
if [ -z "$(docker ps --all --quiet --filter "label=com.docker.compose.project=$PROJECT")" ]; then
  rm -rf -- "${leftovers[@]}"
  rmdir --ignore-fail-on-non-empty -- "$(dirname "${leftovers[0]}")" 2>/dev/null || true
fi
