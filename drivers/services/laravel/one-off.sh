# shellcheck shell=bash
# After project.sh: runs a command in a container of its own, under a name by which Docker itself refuses a second one. It is not removed by
# Docker, so that its exit code and log outlive whoever waits for it; a script that starts again finds it and goes on.

container=keystone-$KEYSTONE_OPERATION-$NAME
verdict=$KEYSTONE_STEP_DIR/one-off-verdict
started=$KEYSTONE_STEP_DIR/one-off-started

state() {
  local value
  value=$(docker inspect --format "{{.State.$1}}" "$container" 2>/dev/null) || value=absent
  echo "$value"
}

start() {
  create_missing_objects
  wait_for_providers
  touch "$started"
  compose run --detach --no-deps --name "$container" --label "keystone.oneoff=$KEYSTONE_OPERATION" "$SERVICE" sh -c "$COMMAND" >/dev/null
}

# Nobody may judge twice: the verdict is kept before the container goes.
finish() {
  echo "$1" >"$verdict.next"
  mv "$verdict.next" "$verdict"
  docker rm --force "$container" >/dev/null 2>&1 || true
  conclude
}

conclude() {
  local outcome
  outcome=$(cat "$verdict")
  if [ "$outcome" = unknown ]; then
    echo "The command was interrupted from outside, and nobody knows how far it came. Look at its effects before you try again." >&2
    echo '{"outcome":"unknown"}' >"$KEYSTONE_RESULT"
    exit 75
  fi
  printf '{"outcome":"exited","exitCode":%d}' "$outcome" >"$KEYSTONE_RESULT"
  exit "$outcome"
}

[ ! -e "$verdict" ] || conclude

# Beyond 128 a signal ended it: when the script was started again that was the reboot, unless the memory had run out.
interrupted() {
  [ -e "$started" ] || return 1
  case $(state Status) in
    created | running) return 1 ;;
    absent) return 0 ;;
    *) [ "$(state ExitCode)" -ge 128 ] && [ "$(state OOMKilled)" = false ] ;;
  esac
}

if interrupted; then
  [ "$REPEATABLE" = yes ] || finish unknown
  docker rm --force "$container" >/dev/null 2>&1 || true
fi
[ "$(state Status)" != created ] || docker rm --force "$container" >/dev/null
[ "$(state Status)" != absent ] || start

docker logs --follow "$container"
code=$(docker wait "$container")
finish "$code"
