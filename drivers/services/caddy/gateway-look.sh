# shellcheck shell=bash
# After revisions.sh: tells what the gateway $GATEWAY runs, as JSON. What somebody has loaded past its file need not answer on the port of
# its revision.
gateway() {
  local gateway_pid applied said revision sections running written
  cd /home/keystone/gateway || return
  gateway_pid=$(docker inspect --format '{{.State.Pid}}' "$GATEWAY") || return
  [ "$gateway_pid" != 0 ] || return
  running=$(sudo --non-interactive curl --silent --fail --max-time 10 --unix-socket admin.sock http://localhost/config/ | jq --sort-keys .) || return
  written=$(docker exec "$GATEWAY" caddy adapt --config /etc/caddy/Caddyfile --adapter caddyfile | jq --sort-keys .) || written=
  applied=$(cat applied 2>/dev/null || echo 0)
  said=$(revision_running "$applied") || said=$applied
  read -r revision sections <<<"$said"
  jq --null-input --compact-output --argjson revision "$revision" --arg sections "$sections" \
    --arg hash "$(sha256sum <Caddyfile | cut -d ' ' -f 1)" --argjson same "$([ "$running" = "$written" ] && echo true || echo false)" \
    '{revision: $revision, sections: ($sections | split(" ")), fileHash: $hash, runsItsFile: $same}'
}
