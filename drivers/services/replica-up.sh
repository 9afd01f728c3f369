#!/bin/bash
# Starts one service of a Compose project and returns when it is healthy. A healthy container with the same configuration is
# left alone. Lists (NETWORKS, VOLUMES, *_LABELS) hold one entry a line.
set -euo pipefail

mapfile -t network_names < <(printf '%s' "$NETWORKS")
mapfile -t volume_names < <(printf '%s' "$VOLUMES")
mapfile -t on_networks < <(printf '%s' "$NETWORK_LABELS")
mapfile -t on_volumes < <(printf '%s' "$VOLUME_LABELS")

compose() { docker compose --env-file /dev/null --project-directory "$FOLDER" --file "$FOLDER/compose.yml" --project-name "$PROJECT" "$@"; }
container() {
  docker ps --all --quiet --no-trunc --filter "label=com.docker.compose.project=$PROJECT" \
    --filter "label=com.docker.compose.service=$SERVICE" --filter label=com.docker.compose.oneoff=False
}

# Docker accepts a second network of the same name while two are created at once.
exec 8>"$HOME/.docker-objects.lock"
flock 8
for name in "${network_names[@]}"; do
  docker network inspect "$name" >/dev/null 2>&1 || docker network create "${on_networks[@]/#/--label=}" "$name" >/dev/null
done
for name in "${volume_names[@]}"; do
  docker volume inspect "$name" >/dev/null 2>&1 || docker volume create "${on_volumes[@]/#/--label=}" "$name" >/dev/null
done
exec 8>&-

explain() {
  echo "$1" >&2
  echo "--- last lines of its log" >&2
  docker logs --tail 40 "$2" >&2 2>&1 || true
  local health
  health=$(docker inspect --format '{{if .State.Health}}{{range .State.Health.Log}}exit code {{.ExitCode}}: {{.Output}}{{println}}{{end}}{{end}}' "$2" | sed '/^$/d' | tail -n 5)
  [ -z "$health" ] || printf -- '--- last answers of its health check\n%s\n' "$health" >&2
  exit 1
}

compose up --detach --no-deps --quiet-pull "$SERVICE"
id=$(container)
[ -n "$id" ] || { echo "Compose started no container for $SERVICE" >&2; exit 1; }

observe() {
  read -r status health restarts <<<"$(docker inspect --format '{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}} {{.RestartCount}}' "$id")"
}

observe
first_restarts=$restarts
seen_restarts=$restarts
deadline=$((SECONDS + TIMEOUT_SECONDS))
settled=$((SECONDS + SETTLE_SECONDS))
until [ "$status" = running ] && [[ "$health" =~ ^(healthy|none)$ ]] && [ "$SECONDS" -ge "$settled" ]; do
  [[ ! "$status" =~ ^(exited|dead)$ ]] || explain "the container has ended instead of staying up" "$id"
  [ "$((restarts - first_restarts))" -lt 3 ] || explain "the container does not stay up: Docker restarted it 3 times" "$id"
  [ "$SECONDS" -lt "$deadline" ] || explain "the container is not healthy after $TIMEOUT_SECONDS seconds: it is $status, its health is $health" "$id"
  sleep 0.1
  observe
  # A process without a check of its own counts as healthy when it has stayed up for a while.
  [ "$restarts" = "$seen_restarts" ] || settled=$((SECONDS + SETTLE_SECONDS))
  seen_restarts=$restarts
done

docker inspect --format '{"containerId":{{json .Id}},"imageId":{{json .Image}},"networks":{{json .NetworkSettings.Networks}}}' "$id" >"$KEYSTONE_RESULT"
