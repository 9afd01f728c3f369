#!/bin/sh
# keystone-scheduler FOLDER: schedule:run once in each minute while this scheduler is in charge, which it is while there is
# FOLDER/ticked: the last minute (since 1970) that was ticked, by this scheduler or by the one before it. It is written before the
# tick, so that no minute has two, whatever is killed; and a minute that has begun without its tick gets it at once, so that none
# is left out when the charge passes on within a minute. Without the file a scheduler waits for it.
# USR1 takes the charge away: the file becomes FOLDER/released, and from then on there are no ticks. TERM ends the scheduler; the
# charge stays, for it may be started again. What still runs is waited for.
folder=$1
stopping=
releasing=
sleeper=
trap 'stopping=yes; wake' TERM INT
trap 'releasing=yes; wake' USR1

# KILL: a TERM is lost on a child that still is a copy of this shell.
wake() { [ -z "$sleeper" ] || kill -KILL "$sleeper" 2>/dev/null; }

rest() {
  sleep "$1" &
  sleeper=$!
  # The signal may have come before there was a sleeper to end.
  [ -z "$stopping$releasing" ] || wake
  wait "$sleeper"
  sleeper=
}

# A clock that is set right gives no minute a second tick, but one that was far ahead must not silence the scheduler.
is_due() { [ "$1" -gt "$2" ] || [ "$1" -lt $(($2 - 5)) ]; }

# tick MINUTE
tick() {
  read -r ticked <"$folder/ticked"
  is_due "$1" "$ticked" || return 0
  echo "$1" >"$folder/ticked.next"
  mv "$folder/ticked.next" "$folder/ticked"
  php artisan schedule:run --no-interaction &
}

while [ -z "$stopping" ]; do
  if [ -n "$releasing" ]; then
    releasing=
    [ ! -e "$folder/ticked" ] || mv "$folder/ticked" "$folder/released"
  elif [ -e "$folder/ticked" ]; then
    # One reading of the clock: between two of them the next minute could begin, and be slept through.
    now=$(date +%s)
    tick $((now / 60))
    rest $((60 - now % 60))
  else
    rest 1
  fi
done
trap '' TERM INT USR1
wait
