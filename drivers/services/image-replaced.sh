#!/bin/bash
# Removes an image that was replaced: IMAGE, a digest, and TAG where that still stands for it, as after the first pull. One that a
# container was made from stays, and so does what else the tag stands for.
set -euo pipefail

docker image inspect "$IMAGE" >/dev/null 2>&1 || exit 0
users=$(docker ps --all --quiet --filter "ancestor=$IMAGE")
[ -z "$users" ] || { echo "$IMAGE is in use"; exit 0; }

id=$(docker image inspect --format '{{.Id}}' "$IMAGE")
tagged=$(docker image inspect --format '{{.Id}}' "$TAG" 2>/dev/null || true)
[ "$tagged" != "$id" ] || docker image rm "$TAG"
# With the last tag of a repository Docker takes the digests of it away, too.
! docker image inspect "$IMAGE" >/dev/null 2>&1 || docker image rm "$IMAGE"
