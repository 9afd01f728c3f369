# shellcheck shell=bash
# After containers.sh: stops the containers of one replica gracefully and removes them, then what PATHS lists (one a line) once
# nothing of the project is left. Images, volumes and networks stay. Reports the names of those that had to be killed in the end.

killed=$KEYSTONE_STEP_DIR/killed
found=$(docker ps --all --no-trunc --filter "label=keystone.replica=$REPLICA" --format '{{.ID}} {{.Status}}')
# What is still booting has no work to finish, and a shell that prepares it as process 1 hears no TERM.
booting=$(sed -n 's/ .*(health: starting).*//p' <<<"$found")
if [ -n "$booting" ]; then
  mapfile -t ids <<<"$booting"
  { docker stop --time "$((GRACE_SECONDS < 5 ? GRACE_SECONDS : 5))" "${ids[@]}" && docker rm --force "${ids[@]}"; } >/dev/null || true
fi
finishing=$(sed '/(health: starting)/d; s/ .*//' <<<"$found")
if [ -n "$finishing" ]; then
  mapfile -t ids <<<"$finishing"
  docker stop --time "$GRACE_SECONDS" "${ids[@]}" >/dev/null || true
  # 137 = 128 + 9; noted before the containers go.
  ended=$(docker inspect --format '{{.State.ExitCode}} {{.Name}}' "${ids[@]}" || true)
  [ -e "$killed" ] || sed -n 's#^137 /\(.*\)$#"\1"#p' <<<"$ended" | paste -sd, >"$killed"
  # Not by force: what could not be stopped still has its time.
  docker rm "${ids[@]}" >/dev/null || true
fi
stop_containers "$GRACE_SECONDS" "keystone.replica=$REPLICA"
printf '{"killed":[%s]}' "$(cat "$killed" 2>/dev/null || true)" >"$KEYSTONE_RESULT"
others=$(containers_with "com.docker.compose.project=$PROJECT")
[ -z "$others" ] || exit 0
mapfile -t leftovers < <(printf '%s' "$PATHS")
rm -rf -- "${leftovers[@]}"
rmdir --ignore-fail-on-non-empty -- "$(dirname "${leftovers[0]}")" 2>/dev/null || true
