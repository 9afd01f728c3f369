#!/bin/bash
# Ends with 44 where the image is not there. An outage of Docker is not taken for that.
set -euo pipefail

found=$(docker image ls --quiet --no-trunc --all | sort --unique)
grep --quiet --fixed-strings --line-regexp "$IMAGE" <<<"$found" || { echo "the image $IMAGE is not on this server" >&2; exit 44; }
