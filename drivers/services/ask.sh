# shellcheck shell=bash
# After containers.sh: asks replicas for their health paths from the network of the gateway in the container GATEWAY, as it will
# itself. ASKED has them one a line: container, port, path, and the address of one on another server; here the container has another
# one after each start. Exit code 4: one of them gave no answer below 400, not even for / where it does not know the path.

# ask GATEWAY_PID CONTAINER PORT PATH [ADDRESS]
ask() {
  local address=${5-} path status
  if [ -z "$address" ]; then
    await_healthy "$2" "{{(index .NetworkSettings.Networks \"$GATEWAY_NETWORK\").IPAddress}}"
    address=$told
  fi
  for path in "$4" /; do
    status=$(sudo nsenter --target "$1" --net -- curl --silent --show-error --output /dev/null --max-time 10 \
      --header 'Host: localhost' --write-out '%{http_code}' "http://$address:$3$path") || true
    [ "$status" = 404 ] || break
  done
  case $status in
    2?? | 3??) return ;;
    '' | 000) status='no answer' ;;
  esac
  echo "the gateway asked $2 for $4 and got $status" >&2
  exit 4
}

if [ -n "$ASKED" ]; then
  await_healthy "$GATEWAY" '{{.State.Pid}}'
  gateway_pid=$told
  while read -r -a asked; do
    ask "$gateway_pid" "${asked[@]}"
  done <<<"$ASKED"
fi
