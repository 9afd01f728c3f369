# shellcheck shell=bash
# After containers.sh and project.sh: runs a command in a container of its own, under a name by which Docker itself refuses a
# second one. Docker does not remove it, so that its exit code and log outlive whoever waits for it; a script that starts again
# finds it and goes on.

container=keystone-$KEYSTONE_OPERATION-$NAME
verdict=$KEYSTONE_STEP_DIR/one-off-verdict
started=$KEYSTONE_STEP_DIR/one-off-started

# created, running, exited, dead; empty where there is none.
state() { docker ps --all --filter "name=^/$container\$" --format '{{.State}}'; }

start() {
  docker rm --force "$container" >/dev/null 2>&1 || true
  create_missing_objects
  await_attached_services
  touch "$started"
  echo "\$ $COMMAND"
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

# Whether an end that nobody watched is the command's own, and not that of the reboot which ended this script too. A signal
# (beyond 128) is not, unless the memory had run out; nor any failure of what may simply be repeated.
is_own_end() { [ "$1" = 0 ] || { [ "$REPEATABLE" = no ] && { [ "$1" -lt 128 ] || [ "$2" = true ]; }; }; }

start_again() {
  [ "$REPEATABLE" = yes ] || finish unknown
  start
}

# Has the container run, or end as it did, wherever its last observer has left it.
take_up() {
  local seen end exit_code out_of_memory
  seen=$(state)
  case $seen in
    running) ;;
    created) start ;;
    '') if [ -e "$started" ]; then start_again; else start; fi ;;
    *)
      end=$(docker inspect --format '{{.State.ExitCode}} {{.State.OOMKilled}}' "$container")
      read -r exit_code out_of_memory <<<"$end"
      is_own_end "$exit_code" "$out_of_memory" || start_again
      ;;
  esac
}

[ ! -e "$verdict" ] || conclude
while :; do
  take_up
  docker logs --follow "$container" || true
  ! code=$(docker wait "$container") || finish "$code"
  # Somebody has removed it, or Docker itself is being started anew.
  until docker version >/dev/null 2>&1; do sleep 1; done
done
