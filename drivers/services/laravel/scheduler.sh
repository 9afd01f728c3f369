#!/bin/sh
# schedule:run at each full minute. TERM ends the ticking; what still runs is waited for.
stopping=
trap 'stopping=yes; kill "$sleeper" 2>/dev/null' TERM INT
while :; do
  sleep $((60 - $(date +%s) % 60)) &
  sleeper=$!
  wait "$sleeper"
  [ -z "$stopping" ] || break
  php artisan schedule:run --no-interaction &
done
wait
