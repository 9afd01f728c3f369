# shellcheck shell=bash
# After shared.sh. docker-events.sh SECOND [follow]: Docker's events since then, one JSON a line; with `follow` also those to
# come, until stdin ends.
set -e
if [ $# = 1 ]; then
  exec docker events --since "$1" --until "$(date +%s.%N)" --format '{{json .}}'
fi
exec 3<&0
docker events --since "$1" --format '{{json .}}' &
events=$!
{ read -r -u 3 || kill "$events"; } 2>/dev/null &
listener=$!
wait "$events" || true
kill "$listener" 2>/dev/null || true
