#!/bin/bash
# Removes an image that nothing uses; fine when it is gone, and left where something does use it.
set -euo pipefail

docker image inspect "$IMAGE" >/dev/null 2>&1 || exit 0
[ -z "$(docker ps --all --quiet --filter "ancestor=$IMAGE")" ] || { echo "$IMAGE is in use"; exit 0; }
docker image rm "$IMAGE"
