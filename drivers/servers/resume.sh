# shellcheck shell=bash
# After containers.sh: has Keystone's containers run again once the server has booted. Returns when each of CONTAINERS (names, one a line)
# is healthy; one that Docker could not start at the boot, for instance since an address came late, is started now.

kept=$(docker ps --all --quiet --filter label=keystone.organisation)
if [ -n "$kept" ]; then
  always=$(xargs docker inspect --format '{{if eq .HostConfig.RestartPolicy.Name "always"}}{{.Id}}{{end}}' <<<"$kept" | sed '/^$/d')
  [ -z "$always" ] || xargs docker update --restart unless-stopped <<<"$always" >/dev/null
fi

state_of() { docker inspect --format '{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}healthy{{end}}' "$1"; }

give_up() {
  printf '%s\n%s\n' containers_not_back "$1" >"$KEYSTONE_RESULT"
  echo "$1" >&2
  exit 1
}

deadline=$((SECONDS + TIMEOUT_SECONDS))
while read -r container; do
  [ -n "$container" ] || continue
  while :; do
    state=$(state_of "$container" 2>/dev/null) || give_up "The container $container is gone."
    case $state in
      'running healthy') break ;;
      exited* | created*) docker start "$container" >/dev/null || true ;;
    esac
    if [ "$SECONDS" -ge "$deadline" ]; then
      docker logs --tail 50 "$container" >&2 || true
      give_up "The container $container is not healthy $TIMEOUT_SECONDS s after the boot: it is $state."
    fi
    sleep 0.3
  done
done <<<"$CONTAINERS"
