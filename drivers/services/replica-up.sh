# shellcheck shell=bash
# After containers.sh and project.sh: starts one service of the project and returns when it is healthy. A healthy container with
# the same configuration is left alone.

container() {
  containers_with "com.docker.compose.project=$PROJECT" "com.docker.compose.service=$SERVICE" com.docker.compose.oneoff=False
}

# Compose makes a successor under a name of its own: one that is left so was never finished, for a reboot came in between.
remove_unfinished() {
  local found id name
  found=$(container)
  for id in $found; do
    name=$(docker inspect --format '{{.Name}}' "$id")
    [ "$name" = "/$CONTAINER" ] || docker rm --force "$id" >/dev/null
  done
}

# The log first and the essence last, since the tail is what people are shown.
explain() {
  echo "--- last lines of its log" >&2
  docker logs --tail 100 "$2" >&2 2>&1 || true
  echo "--- last errors in its log" >&2
  docker logs --tail 1000 "$2" 2>&1 | { grep -iE 'error|exception|fatal|panic' || true; } | cut -c 1-200 | tail -n 3 >&2
  echo "--- last answers of its health check" >&2
  local answers='{{if .State.Health}}{{range .State.Health.Log}}exit code {{.ExitCode}}: {{.Output}}{{println}}{{end}}{{end}}'
  docker inspect --format "$answers" "$2" | { grep . || true; } | cut -c 1-200 | tail -n 2 >&2
  echo "$1" >&2
  exit 1
}

create_missing_objects
await_attached_services
remove_unfinished
compose up --detach --no-deps --quiet-pull "$SERVICE"
id=$(container)
[ -n "$id" ] || { echo "Compose started no container for $SERVICE" >&2; exit 1; }

observe() {
  local seen asked='{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}} {{.RestartCount}}'
  seen=$(docker inspect --format "$asked" "$id")
  read -r status health restarts <<<"$seen"
}

# A process without a telling check of its own counts as healthy when it has stayed up for a while: since it was the process
# itself, and not what prepares its start.
is_settled() {
  if [ "$status" = running ] && [[ "$health" =~ ^(healthy|none)$ ]] && [ "$restarts" = "$seen_restarts" ]; then
    [ "$((SECONDS - healthy_since))" -ge "$SETTLE_SECONDS" ]
  else
    healthy_since=$SECONDS
    seen_restarts=$restarts
    return 1
  fi
}

observe
first_restarts=$restarts
seen_restarts=$restarts
healthy_since=$SECONDS
deadline=$((SECONDS + TIMEOUT_SECONDS))
until is_settled; do
  [[ ! "$status" =~ ^(exited|dead)$ ]] || explain "the container has ended instead of staying up" "$id"
  [ "$((restarts - first_restarts))" -lt 3 ] || explain "the container does not stay up: Docker restarted it 3 times" "$id"
  [ "$SECONDS" -lt "$deadline" ] ||
    explain "the container is not healthy after $TIMEOUT_SECONDS seconds: it is $status, its health is $health" "$id"
  sleep 0.1
  observe
done

docker inspect --format '{"containerId":{{json .Id}},"imageId":{{json .Image}},"networks":{{json .NetworkSettings.Networks}}}' "$id" >"$KEYSTONE_RESULT"
