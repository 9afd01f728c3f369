# shellcheck shell=bash
# After containers.sh and revisions.sh: waits until no configuration of before has connections of its own any more, and then until these upstreams
# (UPSTREAMS, one a line, each with the seconds that it is given) have had no request in flight twice in a row, as Caddy's admin API
# counts them, or their time is over. Where Caddy gives no answer nothing is known, and all of the time passes.
cd /home/keystone/gateway || exit

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

# shellcheck disable=SC2034 # of revisions.sh
gateway_pid=$(docker inspect --format '{{.State.Pid}}' "$CONTAINER")
await_one_revision
quiet=0
while :; do
  patterns=$(awaited)
  if left=$(busy) && { [ -z "$patterns" ] || ! grep -qF "$patterns" <<<"$left"; }; then quiet=$((quiet + 1)); else quiet=0; fi
  if [ "$quiet" -ge 2 ] || [ -z "$patterns" ]; then break; fi
  sleep 0.3
done
printf '[%s]' "$(paste -sd, <<<"$left")" >"$KEYSTONE_RESULT"
