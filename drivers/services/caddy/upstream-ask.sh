# shellcheck shell=bash
# After containers.sh: asks replicas for their health paths from the gateway's own network, as the gateway will. ASKED has them one
# a line: container, port, path, and the address of one on another server; here the container has another one after each start.
# Exit code 4: one of them gave no answer below 400.

# ask GATEWAY_PID CONTAINER PORT PATH [ADDRESS]
ask() {
  local address=${5-} status
  if [ -z "$address" ]; then
    await_healthy "$2" "{{(index .NetworkSettings.Networks \"$NETWORK\").IPAddress}}"
    address=$told
  fi
  status=$(sudo nsenter --target "$1" --net -- curl --silent --show-error --output /dev/null --max-time 10 \
    --header 'Host: localhost' --write-out '%{http_code}' "http://$address:$3$4") || true
  [ "$status" -lt 200 ] || [ "$status" -ge 400 ] || return 0
  echo "the gateway asked $2 for $4 and got ${status/#000/no answer}" >&2
  exit 4
}

await_healthy "$CONTAINER" '{{.State.Pid}}'
gateway_pid=$told
while read -r -a asked; do
  [ "${#asked[@]}" = 0 ] || ask "$gateway_pid" "${asked[@]}"
done <<<"$ASKED"
