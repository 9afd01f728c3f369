#!/bin/bash
# Makes exactly this image, `name@sha256:…`, present; nothing is asked of its registry where it is. The login is gone afterwards.
set -euo pipefail
trap 'rm -f "$KEYSTONE_SECRETS/config.json"' EXIT

docker image inspect "$IMAGE" >/dev/null 2>&1 || DOCKER_CONFIG=$KEYSTONE_SECRETS docker pull --quiet "$IMAGE"
