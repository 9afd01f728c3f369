# shellcheck shell=bash
# After containers.sh: the charge of ticking passes from one scheduler to the next (scheduler.sh) with the last minute that was
# ticked.

# release REPLICA FOLDER: a replica's scheduler ticks no more from now on, whether it runs or not. Its last minute is put into
# $ticked, nothing where it was never in charge.
release() {
  local running deadline=$((SECONDS + 70))
  while [ -e "$2/ticked" ]; do
    [ "$SECONDS" -lt "$deadline" ] || { echo "the scheduler of the replica $1 does not give up its charge" >&2; exit 1; }
    # Not in a minute's last seconds: if the next scheduler ticked it then, Laravel would begin in the next minute, and take it for that.
    if [ $(($(date +%s) % 60)) -ge 50 ]; then
      sleep 0.5
      continue
    fi
    running=$(docker ps --quiet --filter "label=keystone.replica=$1" --filter label=keystone.scheduler=yes)
    if [ -z "$running" ]; then
      mv "$2/ticked" "$2/released"
    else
      docker kill --signal USR1 "$running" >/dev/null 2>&1 || true
      sleep 0.1
    fi
  done
  ticked=
  [ ! -e "$2/released" ] || read -r ticked <"$2/released"
}
