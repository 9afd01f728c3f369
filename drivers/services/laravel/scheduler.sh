#!/bin/sh
# schedule:run once in each minute, at its beginning. TERM ends the ticking; what still runs is waited for.
stopping=
ticked=
trap 'stopping=yes; kill "$sleeper" 2>/dev/null' TERM INT
while :; do
  sleep $((60 - $(date +%s) % 60)) &
  sleeper=$!
  # TERM may have come before there was a sleeper to end.
  [ -z "$stopping" ] || kill "$sleeper"
  wait "$sleeper"
  [ -z "$stopping" ] || break
  # A clock that is corrected in between does not give a minute its second tick.
  minute=$(($(date +%s) / 60))
  [ "$minute" != "$ticked" ] || continue
  ticked=$minute
  php artisan schedule:run --no-interaction &
done
wait
