# shellcheck shell=bash
# Caddy closes the idle connections of HTTP/1.1 whenever it takes another configuration, and what a client has sent on one of them at
# that moment gets no answer; unless it is idempotent the client may not send it again (RFC 9112, section 9.3.1). So for a while
# before, every answer closes its connection (caddy/section.ts): then none is idle but those that nobody uses.
# fresh-until holds until when, in seconds since 1970; the file is as old as that state.
fresh_until=/home/keystone/gateway/fresh-until

# Puts the seconds for which it still holds into $left.
read_fresh() {
  local until
  read -r until 2>/dev/null <"$fresh_until" || until=0
  left=$((until - $(date +%s)))
}

# fresh_for SECONDS: from now on so long, whatever was said before.
fresh_for() {
  local next=$KEYSTONE_STEP_DIR/fresh-until left
  echo "$(($(date +%s) + $1))" >"$next"
  read_fresh
  [ "$left" -le 1 ] || touch --reference="$fresh_until" "$next"
  mv "$next" "$fresh_until"
}

# Returns when connections have been fresh for two seconds, in which whoever uses one has come by; they stay so for another minute.
await_fresh() {
  local tries age
  fresh_for 70
  for ((tries = 0; tries < 20; tries++)); do
    age=$(($(date +%s%3N) - $(date --reference="$fresh_until" +%s%3N)))
    [ "$age" -lt 2000 ] || return 0
    sleep 0.1
  done
}
