# shellcheck shell=bash
# After replica-up.sh and scheduler-baton.sh: puts the scheduler that was started in charge, unless it is already. It follows
# PREDECESSOR on this server, or one elsewhere whose last minute was TICKED; after neither of them it begins with the next minute.

if [ ! -e "$SCHEDULER_FOLDER/ticked" ]; then
  ticked=$TICKED
  if [ -n "$PREDECESSOR" ]; then release "$PREDECESSOR" "$PREDECESSOR_FOLDER"; fi
  echo "${ticked:-$(($(date +%s) / 60))}" >"$SCHEDULER_FOLDER/ticked.next"
  mv "$SCHEDULER_FOLDER/ticked.next" "$SCHEDULER_FOLDER/ticked"
fi
