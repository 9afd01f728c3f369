# launch.sh STAGING HASH NUMBER NAME USER STORED_RUN STORED_OUT STORED_ERR
# Starts the step of the parcel unless it runs or has ended, then follows its current run from the stored bytes on.
# stdout: BOUNDARY run offset NEWLINE, bytes of out, BOUNDARY code out-size err-size result-size NEWLINE, result.
# stderr: BOUNDARY run offset NEWLINE, bytes of err.
set -euo pipefail
staging=$1 hash=$2 number=$3 name=$4 user=$5 stored_run=$6 stored_out=$7 stored_err=$8
source "$staging/place.sh"
source "$staging/step.sh"

place_secrets() {
  [ -d /run/keystone ] || install -d -m 0711 /run/keystone
  exec 8</run/keystone
  flock 8 # against the rmdir of a step that is ending
  install -d -m 0711 "/run/keystone/$hash"
  [ ! -e "$secrets" ] || rm -rf "$secrets"
  if [ -d "$staging/secrets" ]; then mv "$staging/secrets" "$secrets"; else mkdir "$secrets"; fi
  exec 8<&-
  chown -R "$owner" "$secrets"
}

# After=docker.service: a step waits for Docker when the server has just started, and is ended before Docker when it shuts down,
# so that no step takes the end of its containers for their own.
# ExecStopPost also runs when the step was killed. An OOM kill within the step must end as its exit code, not as a vanished step.
start_unit() {
  systemd-run --quiet --collect --unit "$unit" --uid "$user" --service-type exec --working-directory "$folder" \
    --description "keystone $hash $number-$name" \
    --property After=docker.service --property OOMPolicy=continue --property TimeoutStopSec=10 \
    --property "ExecStopPost=+/bin/rm -rf $secrets" \
    --property "ExecStopPost=-+/usr/bin/flock /run/keystone /bin/rmdir --ignore-fail-on-non-empty /run/keystone/$hash" \
    --setenv "KEYSTONE_OPERATION=$hash" --setenv "KEYSTONE_STEP_DIR=$folder" \
    --setenv "KEYSTONE_SECRETS=$secrets" --setenv "KEYSTONE_RESULT=$folder/result" \
    /bin/bash "$folder/wrapper.sh" "$run"
}

# At the end of a shutdown systemd does not answer any more.
shuts_down() {
  case $(systemctl is-system-running 2>/dev/null) in
    stopping | offline | unknown | '') return 0 ;;
  esac
  return 1
}

not_started() {
  rm -rf "$secrets"
  ! shuts_down || exit 69
  journalctl --quiet --unit "$unit" --lines 5 --output cat >&2 || true
  return 1
}

start() {
  cp "$staging"/step/* .
  chown "$owner" script.sh inputs.sh wrapper.sh
  place "$staging/files" "$owner" "$hash-$number"
  place_secrets
  new_run
  # Who asks for the unit may be killed when it has begun: its caller has gone.
  start_unit || is_running || [ -e exit ] || not_started
}

# follow FILE OFFSET: prints the file from there on, until the unit's main process has gone.
follow() {
  local while_running=()
  [ "$main_pid" = 0 ] || while_running=(--follow --sleep-interval 0.02 --pid "$main_pid")
  printf '%s%d %d\n' "$boundary" "$run" "$2"
  exec tail --bytes "+$(($2 + 1))" "${while_running[@]}" "$1" 2>/dev/null
}

# Keystone keeps stdin open as long as it listens: without this a session whose caller has gone would last as long as the step.
follow_while_heard() {
  local err out listener
  exec 3<&0
  follow "err.$run" "$stored_err" >&2 & err=$!
  follow "out.$run" "$stored_out" & out=$!
  exec 2>/dev/null # what the shell itself says must not get among the step's bytes
  { read -r -u 3; kill "$out" "$err"; } & listener=$!
  wait "$out"
  wait "$err"
  kill "$listener"
}

print_ending() {
  local code out err length
  read -r code out err <exit || return 0 # vanished: no ending, and Keystone asks again
  length=$(head -c 65536 result | wc -c)
  printf '%s%d %d %d %d\n' "$boundary" "$code" "$out" "$err" "$length"
  head -c 65536 result
}

enter_folder
# Without a run it has never been started.
{ [ -e run ] && is_running; } || [ -e exit ] || start
leave_folder
boundary=$(<"$staging/boundary")
rm -rf "$staging"

run=$(current_run)
[ "$run" = "$stored_run" ] || stored_out=0 stored_err=0
main_pid=$(unit_property MainPID)
follow_while_heard
print_ending
