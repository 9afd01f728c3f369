# shellcheck shell=bash
# After containers.sh: runs the commands of a slice as administrator inside the container. They come by stdin, for they hold
# passwords. valkey-cli exits with 0 whatever the server answers, so every answer must be OK or a count.

await_healthy "$CONTAINER"
answers=$(docker exec --interactive "$CONTAINER" valkey-cli <"$KEYSTONE_SECRETS/commands")
if grep -Evq '^(OK|[0-9]+)?$' <<<"$answers"; then
  printf 'Valkey refused a command:\n%s\n' "$answers" >&2
  exit 1
fi
