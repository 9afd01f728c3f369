#!/bin/bash
# Stops the containers of one replica gracefully and removes them, then what PATHS lists (one a line) once nothing of the
# project is left. Images, volumes and networks stay.
set -euo pipefail

mapfile -t paths < <(printf '%s' "$PATHS")
mapfile -t containers < <(docker ps --all --quiet --filter "label=keystone.replica=$REPLICA")
if [ "${#containers[@]}" -gt 0 ]; then
  docker stop --time "$GRACE_SECONDS" "${containers[@]}" >/dev/null
  docker rm --force "${containers[@]}" >/dev/null
fi
if [ -z "$(docker ps --all --quiet --filter "label=com.docker.compose.project=$PROJECT")" ]; then
  rm -rf -- "${paths[@]}"
  rmdir --ignore-fail-on-non-empty -- "$(dirname "${paths[0]}")" 2>/dev/null || true
fi
