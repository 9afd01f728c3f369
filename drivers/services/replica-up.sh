# shellcheck shell=bash
# After containers.sh and project.sh: starts one service of the project, with those that BESIDE lists (service, container and seconds
# to settle, one a line), and returns when all are healthy. A healthy container with the same configuration is left alone.

# container SERVICE
container() {
  containers_with "com.docker.compose.project=$PROJECT" "com.docker.compose.service=$1" com.docker.compose.oneoff=False
}

# remove_unfinished SERVICE CONTAINER: Compose makes a successor under a name of its own: one that is left so was never finished,
# for a reboot came in between.
remove_unfinished() {
  local found id name
  found=$(container "$1")
  for id in $found; do
    name=$(docker inspect --format '{{.Name}}' "$id")
    [ "$name" = "/$2" ] || docker rm --force "$id" >/dev/null
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

# Docker tells when a container of the project has changed: to ask it again and again would slow down what is just starting.
watch_containers() {
  exec 7< <(exec docker events --since "$(date +%s)" --filter "label=com.docker.compose.project=$PROJECT" \
    --filter event=start --filter event=die --filter event=health_status --format '{{.Action}}')
  watcher=$!
  trap 'kill "$watcher" 2>/dev/null || true' EXIT
}

# Returns at the next change, or after half a second. Where Docker has stopped telling, the end of its words is no change.
await_change() {
  local change status=0
  read -r -t 0.5 -u 7 change || status=$?
  [ "$status" != 1 ] || sleep 0.1
}

observe() {
  local seen asked='{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}} {{.RestartCount}}'
  seen=$(docker inspect --format "$asked" "$id")
  read -r status health restarts <<<"$seen"
}

# is_settled SECONDS: a process without a telling check of its own counts as healthy when it has stayed up for a while: since it
# was the process itself, and not what prepares its start.
is_settled() {
  if [ "$status" = running ] && [[ "$health" =~ ^(healthy|none)$ ]] && [ "$restarts" = "$seen_restarts" ]; then
    [ "$((SECONDS - healthy_since))" -ge "$1" ]
  else
    healthy_since=$SECONDS
    seen_restarts=$restarts
    return 1
  fi
}

# await_settled CONTAINER SECONDS
await_settled() {
  local first_restarts id=$1
  observe
  first_restarts=$restarts
  seen_restarts=$restarts
  healthy_since=$SECONDS
  until is_settled "$2"; do
    [[ ! "$status" =~ ^(exited|dead)$ ]] || explain "the container has ended instead of staying up" "$id"
    [ "$((restarts - first_restarts))" -lt 3 ] || explain "the container does not stay up: Docker restarted it 3 times" "$id"
    [ "$SECONDS" -lt "$deadline" ] ||
      explain "the container is not healthy after $TIMEOUT_SECONDS seconds: it is $status, its health is $health" "$id"
    await_change
    observe
  done
}

mapfile -t beside < <(printf '%s' "$BESIDE")
services=("$SERVICE" "${beside[@]%% *}")
# Beside each other: most of it is waiting for answers of Docker.
create_missing_objects & creating=$!
await_attached_services & awaiting=$!
remove_unfinished "$SERVICE" "$CONTAINER"
for line in "${beside[@]}"; do
  read -r service name _ <<<"$line"
  remove_unfinished "$service" "$name"
done
wait "$creating"
wait "$awaiting"
watch_containers
compose up --detach --no-deps --quiet-pull "${services[@]}"
deadline=$((SECONDS + TIMEOUT_SECONDS))
for line in "${beside[@]}"; do
  read -r _ name settle_seconds <<<"$line"
  await_settled "$name" "$settle_seconds"
done
await_settled "$CONTAINER" "$SETTLE_SECONDS"

free=$(df --output=avail --block-size=1M /var/lib/docker 2>/dev/null | tail -n 1 | tr -d ' ') || free=
report='{"containerId":{{json .Id}},"imageId":{{json .Image}},"networks":{{json .NetworkSettings.Networks}},'
report+='"nanoCpus":{{json .HostConfig.NanoCpus}},"memoryBytes":{{json .HostConfig.Memory}}'",\"diskFreeMb\":${free:-null}}"
docker inspect --format "$report" "$CONTAINER" >"$KEYSTONE_RESULT"
