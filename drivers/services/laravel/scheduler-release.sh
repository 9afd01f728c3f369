# shellcheck shell=bash
# After scheduler-baton.sh: takes the charge from a replica's scheduler.

release "$REPLICA" "$SCHEDULER_FOLDER"
printf '{"ticked":%s}' "${ticked:-null}" >"$KEYSTONE_RESULT"
