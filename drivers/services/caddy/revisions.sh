# shellcheck shell=bash
# Each configuration of the gateway, whose process is $gateway_pid, answers on a port of its own, inside the container only, with what
# it is: `REVISION HASH…`, its number and the sections that it has (caddyfile.ts). One that is followed by another does so for a while
# yet, until it has let go of its connections.

# revision_running NUMBER: what that configuration says; fails where it does not run.
revision_running() {
  sudo nsenter --target "${gateway_pid:?}" --net -- curl --silent --fail --max-time 10 "http://127.0.0.1:$((20000 + $1 % 10000))/"
}

# How many configurations listen, each on one of the ports 20000 to 29999 of 127.0.0.1.
count_revisions() {
  sudo cat "/proc/$gateway_pid/net/tcp" | while read -r _ address _ state _; do
    [ "$state" != 0A ] || [[ "$address" != 0100007F:* ]] || [ "$((16#${address#*:} / 10000))" != 2 ] || echo "$address"
  done | wc -l
}

# Returns when no configuration but one runs, or none at all; at the latest after a minute.
await_one_revision() {
  local deadline=$((SECONDS + 60)) running
  while running=$(count_revisions) && [ "$running" -gt 1 ] && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.1; done
}
