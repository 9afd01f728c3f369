# shellcheck shell=bash
# After containers.sh: requests in flight per upstream, as Caddy's admin API counts them.

await_healthy "$CONTAINER"
upstreams=$(sudo curl --silent --show-error --fail --max-time 10 --unix-socket /home/keystone/gateway/admin.sock \
  http://localhost/reverse_proxy/upstreams)
printf '%s' "$upstreams" >"$KEYSTONE_RESULT"
