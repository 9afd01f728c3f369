#!/bin/bash
# Waits until these upstreams (UPSTREAMS, one a line, each with the seconds that it is given) have had no request in flight twice in
# a row, as Caddy's admin API counts them, or their time is over; no less than LEAST_SECONDS after Caddy took its last revision. Where
# Caddy gives no answer nothing is known, and all of the time passes.
set -euo pipefail
cd /home/keystone/gateway

# Hundredths of a second since the server booted; 0 where FILE, which was copied from there, does not exist.
uptime_in() {
  local at
  read -r at _ 2>/dev/null <"$1" || at=0.00
  echo "$((10#${at/./}))"
}

has_dwelt() {
  local hundredths
  hundredths=$(($(uptime_in /proc/uptime) - $(uptime_in applied.uptime)))
  # After a reboot the file is from another count, and may be ahead of this one.
  [ "$hundredths" -ge "${LEAST_SECONDS}00" ] || [ "$SECONDS" -ge "$LEAST_SECONDS" ]
}

# Those that have requests in flight, with their number: a line each, as `{"upstream":"host:port","inFlight":1}`.
busy() {
  local counted
  counted=$(sudo curl --silent --show-error --fail --max-time 10 --unix-socket admin.sock http://localhost/reverse_proxy/upstreams) || return
  { grep -oE '"address":"[^"]+","num_requests":[1-9][0-9]*' <<<"$counted" || true; } |
    sed -E 's/"address":("[^"]+"),"num_requests":(.*)/{"upstream":\1,"inFlight":\2}/' |
    { grep -F -f <(sed 's/ .*//; s/.*/{"upstream":"&",/' <<<"$UPSTREAMS") || true; }
}

# Patterns of those whose time is not over, as they stand in a line of `busy`.
awaited() {
  local upstream seconds
  while read -r upstream seconds; do
    [ -z "$upstream" ] || [ "$SECONDS" -ge "$seconds" ] || echo "{\"upstream\":\"$upstream\","
  done <<<"$UPSTREAMS"
}

quiet=0
until [ "$quiet" -ge 2 ] && has_dwelt; do
  patterns=$(awaited)
  if left=$(busy) && { [ -z "$patterns" ] || ! grep -qF "$patterns" <<<"$left"; }; then quiet=$((quiet + 1)); else quiet=0; fi
  if [ -z "$patterns" ] && has_dwelt; then break; fi
  sleep 0.5
done
printf '[%s]' "$(paste -sd, <<<"$left")" >"$KEYSTONE_RESULT"
