# shellcheck shell=bash
# After containers.sh: what every script on a Compose project begins with. Lists (NETWORKS, VOLUMES, *_LABELS) hold one entry a
# line.

# Not the project's .env: those are the container's variables, and Compose would obey some of them itself.
compose() {
  docker compose --env-file /dev/null --project-directory "$FOLDER" --file "$FOLDER/compose.yml" --project-name "$PROJECT" "$@"
}

# The services of this server whose networks it joins: after a reboot they start together with what uses them.
await_attached_services() {
  local running id name status
  running=$(docker ps --filter label=keystone.service --format '{{.Label "keystone.service"}} {{.Names}} {{.Status}}')
  while read -r id name status; do
    case $'\n'$NETWORKS$'\n' in
      *$'\n'"keystone_service_$id"$'\n'*) [[ "$PROJECT" = "keystone-$id" || "$status" = *'(healthy)' ]] || await_healthy "$name" ;;
    esac
  done <<<"$running"
}

# missing KIND NAME...: those that Docker does not have. Mostly it has them all, so it is asked for all at once first.
missing() {
  local kind=$1 name
  shift
  [ "$#" = 0 ] || docker "$kind" inspect "$@" >/dev/null 2>&1 || for name; do
    docker "$kind" inspect "$name" >/dev/null 2>&1 || echo "$name"
  done
}

# Docker makes the folder of a volume that the image does not know as root: while it is empty it is given to the image's user, for
# whom it is meant.
own_volumes() {
  local volumes name place content owner=
  mapfile -t volumes < <(printf '%s' "${OWN_VOLUMES-}")
  for name in "${volumes[@]}"; do
    place=$(docker volume inspect --format '{{.Mountpoint}}' "$name")
    [ "$(sudo stat --format %u "$place")" = 0 ] || continue
    content=$(sudo ls -A "$place")
    [ -z "$content" ] || continue
    [ -n "$owner" ] || owner=$(docker run --rm --network none --entrypoint sh "$IMAGE" -c 'echo "$(id -u):$(id -g)"')
    sudo chown "$owner" "$place"
  done
}

# Networks and volumes live outside of Compose, so that no project can take them away.
create_missing_objects() {
  local network_names volume_names on_networks on_volumes name
  mapfile -t network_names < <(printf '%s' "$NETWORKS")
  mapfile -t volume_names < <(printf '%s' "$VOLUMES")
  mapfile -t on_networks < <(printf '%s' "$NETWORK_LABELS")
  mapfile -t on_volumes < <(printf '%s' "$VOLUME_LABELS")
  # Docker accepts a second network of the same name while two are created at once.
  exec 8<"$HOME"
  flock 8
  for name in $(missing network "${network_names[@]}"); do
    docker network create "${on_networks[@]/#/--label=}" "$name" >/dev/null
  done
  for name in $(missing volume "${volume_names[@]}"); do
    docker volume create "${on_volumes[@]/#/--label=}" "$name" >/dev/null
  done
  own_volumes
  exec 8<&-
}
