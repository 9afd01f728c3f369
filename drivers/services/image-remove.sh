#!/bin/bash
# Removes an image under its NAMES, one a line; those that are gone are fine, and one that something uses stays. With the last tag
# of a repository Docker takes the digests of it away, too.
set -euo pipefail

while read -r name; do
  [ -n "$name" ] || continue
  docker image inspect "$name" >/dev/null 2>&1 || continue
  [ -z "$(docker ps --all --quiet --filter "ancestor=$name")" ] || { echo "$name is in use"; continue; }
  docker image rm "$name"
done <<<"$NAMES"
