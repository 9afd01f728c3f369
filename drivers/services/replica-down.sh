# shellcheck shell=bash
# After containers.sh: stops the containers of one replica gracefully and removes them, then what PATHS lists (one a line) once
# nothing of the project is left. Images, volumes and networks stay.

stop_containers "$GRACE_SECONDS" "keystone.replica=$REPLICA"
others=$(containers_with "com.docker.compose.project=$PROJECT")
[ -z "$others" ] || exit 0
mapfile -t leftovers < <(printf '%s' "$PATHS")
rm -rf -- "${leftovers[@]}"
rmdir --ignore-fail-on-non-empty -- "$(dirname "${leftovers[0]}")" 2>/dev/null || true
