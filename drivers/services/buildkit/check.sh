#!/bin/bash
# Whether this server can build images: with BuildKit, from a Git repository.
set -euo pipefail

docker buildx version || { echo "Docker has no buildx here: install docker-buildx-plugin" >&2; exit 1; }
git --version || { echo "git is missing here: install it" >&2; exit 1; }
