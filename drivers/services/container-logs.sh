#!/bin/bash
# Tells what the containers of an environment have written: at first what is there, then the line `ready`; where FOLLOW is yes it goes on
# with what comes, also from containers that are started meanwhile, until its standard input ends. Changes nothing. A line is
#   SERVICE REPLICA SCHEDULER STREAM MORE TEXT
# where SCHEDULER is yes or no, STREAM o or e, TEXT what `docker logs --timestamps` has, and MORE is + where the text goes on in the next
# line of the same replica and stream: all who write here at once write lines short enough to come whole (PIPE_BUF).
set -uo pipefail

# Nobody follows longer; this ends what was left behind by a connection that broke without a word.
longest_seconds=2400

filters=(--filter "label=keystone.environment=$ENVIRONMENT")
[ -z "$SERVICE" ] || filters+=(--filter "label=keystone.service=$SERVICE")
[ -z "$REPLICA" ] || filters+=(--filter "label=keystone.replica=$REPLICA")
since=()
[ -z "$SINCE" ] || since=(--since "$SINCE")

# mark PREFIX
mark() {
  LC_ALL=C sed --unbuffered "
    s/.\{3000\}/&\n/g
    s/\n\$//
    :more
    /\n/ {
      s/^/$1 + /
      P
      s/^[^\n]*\n//
      b more
    }
    s/^/$1 . /"
}

# tell ID WHO OPTION...: to the end of `docker logs`, and of what stands between.
tell() {
  local id=$1 who=$2
  shift 2
  { { docker logs --timestamps "$@" "$id" 2>&3 3>&- 4>&- | mark "$who o" >&4 3>&- 4>&-; } 3>&1 | mark "$who e" >&4 4>&-; } 4>&1
}

# who SERVICE REPLICA SCHEDULER; what is empty would shift the words behind it.
who() { echo "${1:--} ${2:--} ${3:-no}"; }

now() { date +%s%N; }
# Nanoseconds as Docker takes them.
stamp() { printf '%d.%09d' "$(($1 / 1000000000))" "$(($1 % 1000000000))"; }

# What somebody runs in a container of its own is in the log of its operation.
list() {
  local labels='{{.Label "com.docker.compose.oneoff"}},{{.Label "keystone.service"}},{{.Label "keystone.replica"}},{{.Label "keystone.scheduler"}}'
  docker ps --all --no-trunc "${filters[@]}" --format "{{.ID}},$labels" | sed '/^[^,]*,True,/d'
}

starts() {
  local label='index .Actor.Attributes'
  local labels="{{$label \"com.docker.compose.oneoff\"}},{{$label \"keystone.service\"}},{{$label \"keystone.replica\"}},{{$label \"keystone.scheduler\"}}"
  docker events --since "$1" --filter type=container --filter event=start "${filters[@]}" --format "{{.Actor.ID}},{{.TimeNano}},$labels"
}

# Of one that is listed, a start before the list was there is the one that is followed anyway.
follow_starts() {
  local id at oneoff service replica scheduler begun
  starts "$(stamp "$before")" | while IFS=, read -r id at oneoff service replica scheduler; do
    [ "$oneoff" != True ] || continue
    ! { [[ -v listed[$id] ]] && [ "$at" -lt "$after" ]; } || continue
    begun=$(docker inspect --format '{{.State.StartedAt}}' "$id") || continue
    tell "$id" "$(who "$service" "$replica" "$scheduler")" --follow --since "$begun" &
  done
}

before=$(now)
containers=$(list) || exit 1
after=$(now)

declare -A listed=()
while IFS=, read -r id _ service replica scheduler; do
  [ -z "$id" ] || listed[$id]=$(who "$service" "$replica" "$scheduler")
done <<<"$containers"

for id in "${!listed[@]}"; do
  tell "$id" "${listed[$id]}" --tail "$TAIL" "${since[@]}" --until "$(stamp "$after")" &
done
wait
echo ready
[ "$FOLLOW" = yes ] || exit 0

for id in "${!listed[@]}"; do
  tell "$id" "${listed[$id]}" --follow --since "$(stamp "$((after + 1))")" &
done
# Its caller has gone, or never came back: sshd gives every command a session of its own, so this ends what was started here, and nothing else.
exec 3<&0
{ read -r -t "$longest_seconds" -u 3; kill 0; } & listener=$!
follow_starts # as long as Docker runs
kill "$listener"
exit 1
