#!/bin/bash
# Asks a replica for its health path from the gateway's own network, as the gateway will.
set -euo pipefail

wait_until_healthy "name=^/$CONTAINER\$"
pid=$(docker inspect --format '{{.State.Pid}}' "$CONTAINER")
[ "$pid" != 0 ] || { echo "the gateway $CONTAINER does not run" >&2; exit 1; }
# A replica of this server is found by its label: its address may have changed since it was started.
if [ -n "$REPLICA" ]; then
  wait_until_healthy "label=keystone.replica=$REPLICA"
  replica=$(docker ps --quiet --filter "label=keystone.replica=$REPLICA" --filter 'health=healthy' | head -n 1)
  [ -n "$replica" ] || { echo "the replica $REPLICA is not healthy any more" >&2; exit 1; }
  ADDRESS=$(docker inspect --format "{{(index .NetworkSettings.Networks \"$NETWORK\").IPAddress}}" "$replica")
fi
status=$(sudo nsenter --target "$pid" --net -- curl --silent --show-error --output /dev/null --max-time 10 \
  --header "Host: $DOMAIN" --write-out '%{http_code}' "http://$ADDRESS:$PORT$HEALTH_PATH") || true
printf '{"status":%d}' "$((10#${status:-0}))" >"$KEYSTONE_RESULT"
