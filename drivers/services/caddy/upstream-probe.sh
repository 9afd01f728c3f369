#!/bin/bash
# Asks a replica for its health path from the gateway's own network, as the gateway will.
set -euo pipefail

pid=$(docker inspect --format '{{.State.Pid}}' "$CONTAINER")
[ "$pid" != 0 ] || { echo "the gateway $CONTAINER does not run" >&2; exit 1; }
status=$(sudo nsenter --target "$pid" --net -- curl --silent --show-error --output /dev/null --max-time 10 \
  --header "Host: $DOMAIN" --write-out '%{http_code}' "http://$ADDRESS:$PORT$HEALTH_PATH") || true
printf '{"status":%d}' "$((10#${status:-0}))" >"$KEYSTONE_RESULT"
