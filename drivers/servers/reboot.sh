# Restarts this server, once for the operation REBOOT, whoever asks and how often: the boot that is to end is noted in that operation's
# folder, which outlives it. The reboot ends this script without an exit code, so that it is run again; then it finds another boot and is
# done. What Keystone runs here is ended as gently as when it is stopped; the policy `always` has Docker start it at the boot all the same.
set -euo pipefail

boot() { cat "$BOOT_ID_FILE"; }

# ids FORMAT FILTER...: what `docker inspect` has in this format of Keystone's containers, a line each where it has anything.
ids() {
  local format=$1 found
  shift
  found=$(docker ps --all --quiet --no-trunc --filter label=keystone.organisation "${@/#/--filter=}") || return
  [ -z "$found" ] || xargs docker inspect --format "$format" <<<"$found" | sed '/^$/d'
}

# end LABEL: ends what has this label and would be started again, each in the time that it has for that.
end() {
  local running
  running=$(ids '{{with .HostConfig.RestartPolicy.Name}}{{if ne . "no"}}{{$.Id}}{{end}}{{end}}' "label=$1" status=running) || return
  [ -n "$running" ] || return 0
  xargs docker update --restart always <<<"$running" >/dev/null && xargs docker stop <<<"$running" >/dev/null
}

start_again() {
  local ended
  ended=$(ids '{{if eq .HostConfig.RestartPolicy.Name "always"}}{{.Id}}{{end}}' status=exited) || return
  [ -z "$ended" ] || xargs docker start <<<"$ended" >/dev/null
}

folder=${KEYSTONE_STEP_DIR%/*/*}/$REBOOT
mkdir -p "$folder"
if [ ! -e "$folder/boot-id" ]; then
  boot >"$folder/boot-id.next"
  sync "$folder/boot-id.next"
  mv "$folder/boot-id.next" "$folder/boot-id"
  sync "$folder"
fi

before=$(<"$folder/boot-id")
now=$(boot)
if [ "$before" != "$now" ]; then
  timeout "$BOOT_SECONDS" systemctl is-system-running --wait || true
  echo "The boot $before was followed by $now"
  exit 0
fi

# Applications first: they may still need the databases.
if end keystone.environment && end keystone.service && systemctl reboot; then sleep "$SHUTDOWN_SECONDS"; fi
start_again
give_up reboot_refused "The server was told to restart and did not within $SHUTDOWN_SECONDS s."
