# shellcheck shell=bash
# After containers.sh: restarts a container, once, and returns when it is healthy again.

# A reboot may end this script and have it run again: what has been restarted since is not restarted anew.
started_at() { docker inspect --format '{{.State.StartedAt}}' "$CONTAINER"; }
before=$KEYSTONE_STEP_DIR/started-before
[ -e "$before" ] || { started_at >"$before.next" && mv "$before.next" "$before"; }
started=$(started_at)
[ "$started" != "$(<"$before")" ] || docker restart --time "$GRACE_SECONDS" "$CONTAINER" >/dev/null

deadline=$((SECONDS + TIMEOUT_SECONDS))
while :; do
  seen=$(docker inspect --format '{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}}' "$CONTAINER")
  [ "$seen" != 'running healthy' ] || break
  if [ "$SECONDS" -ge "$deadline" ]; then
    echo "--- last lines of its log" >&2
    docker logs --tail 50 "$CONTAINER" >&2 2>&1 || true
    echo "the container $CONTAINER is not healthy after $TIMEOUT_SECONDS seconds: it is $seen" >&2
    exit 1
  fi
  sleep 0.3
done
