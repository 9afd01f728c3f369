# shellcheck shell=bash
# After a reboot Docker starts containers one after the other, and steps go on while some of them are not there yet.

# Waits until every container that the filter finds is healthy. After a minute what follows may say what is wrong.
wait_until_healthy() {
  local deadline=$((SECONDS + 60))
  while docker ps --all --format '{{.Status}}' --filter "$1" | grep -qv '(healthy)$' && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.2; done
}
