# shellcheck shell=bash
# After containers.sh: removes what a service or an environment that has ended leaves on this server: FOLDERS, and NETWORKS that no
# container is on any more (both one a line). Volumes are never touched: those with VOLUME_LABEL are only reported, as JSON lines with
# the bytes that they take, null where counting takes too long.

mapfile -t folders < <(printf '%s' "$FOLDERS")
[ "${#folders[@]}" = 0 ] || sudo rm -rf -- "${folders[@]}"

while read -r network; do
  [ -n "$network" ] || continue
  docker network inspect "$network" >/dev/null 2>&1 || continue
  users=$(docker ps --all --quiet --filter "network=$network")
  if [ -n "$users" ]; then echo "the network $network stays, for containers use it"; else docker network rm "$network"; fi
done <<<"$NETWORKS"

size_of() {
  local folder
  folder=$(docker volume inspect --format '{{.Mountpoint}}' "$1")
  timeout 20 sudo du --summarize --bytes "$folder" 2>/dev/null | cut -f 1 | grep -E '^[0-9]+$' || echo null
}

volumes=$(docker volume ls --quiet --filter "label=$VOLUME_LABEL")
while read -r volume; do
  [ -n "$volume" ] || continue
  size=$(size_of "$volume")
  printf '{"name":"%s","sizeBytes":%s}\n' "$volume" "$size"
done <<<"$volumes" >"$KEYSTONE_RESULT"
