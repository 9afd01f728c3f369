#!/bin/sh
# keystone-workers COUNT COMMAND...: as many processes of the same command side by side in one container. One that ends is started
# again. Where one fails within its first five seconds all of them are ended, so that Docker sees a container that does not stay up.
# TERM is passed on, and what the processes still do is waited for.
count=$1
shift
pids=
stopping=
failed=
resender=
trap 'stop' TERM INT
trap 'failed=yes; stop' USR1

# Again and again: a TERM is lost on a child that still is a copy of this shell.
stop() {
  stopping=yes
  [ -z "$resender" ] || kill -KILL "$resender" 2>/dev/null
  while :; do
    kill -TERM $pids 2>/dev/null
    sleep 0.5
  done &
  resender=$!
}

# await PID: its exit code, also when signals come meanwhile.
await() {
  wait "$1"
  code=$?
  while kill -0 "$1" 2>/dev/null; do
    wait "$1"
    code=$?
  done
}

# keep COMMAND...: one of them, in a shell of its own.
keep() {
  child=
  trap 'stopping=yes; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null' TERM
  trap '' USR1
  while [ -z "$stopping" ]; do
    begun=$(date +%s)
    "$@" &
    child=$!
    await "$child"
    lasted=$(($(date +%s) - begun))
    [ -n "$stopping" ] || [ "$code" = 0 ] || [ "$lasted" -ge 5 ] || fail
    [ -n "$stopping" ] || [ "$lasted" -ge 1 ] || sleep 1
  done
}

fail() {
  kill -USR1 $$
  exit 1
}

while [ "$count" -gt 0 ] && [ -z "$stopping" ]; do
  keep "$@" &
  pids="$pids $!"
  count=$((count - 1))
done
[ -z "$stopping" ] || stop
for pid in $pids; do await "$pid"; done
[ -z "$resender" ] || kill -KILL "$resender" 2>/dev/null
[ -z "$failed" ]
