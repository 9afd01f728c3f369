# shellcheck shell=bash
# After containers.sh: asks a replica for its health path from the gateway's own network, as the gateway will.

await_healthy "$CONTAINER"
pid=$(docker inspect --format '{{.State.Pid}}' "$CONTAINER")
# A replica of this server is found by its labels: its address may have changed since it was started.
if [ -n "$REPLICA" ]; then
  replica=$(containers_with "keystone.replica=$REPLICA" "com.docker.compose.service=$SERVICE" com.docker.compose.oneoff=False)
  [ -n "$replica" ] || { echo "the replica $REPLICA is not on this server any more" >&2; exit 1; }
  await_healthy "$replica"
  ADDRESS=$(docker inspect --format "{{(index .NetworkSettings.Networks \"$NETWORK\").IPAddress}}" "$replica")
fi
status=$(sudo nsenter --target "$pid" --net -- curl --silent --show-error --output /dev/null --max-time 10 \
  --header "Host: $DOMAIN" --write-out '%{http_code}' "http://$ADDRESS:$PORT$HEALTH_PATH") || true
printf '{"status":%d}' "$((10#${status:-0}))" >"$KEYSTONE_RESULT"
