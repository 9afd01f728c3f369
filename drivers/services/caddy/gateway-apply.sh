# shellcheck shell=bash
# After containers.sh and fresh-connections.sh: gives the gateway a revision of its configuration, unless it has that one or a later one, and reads back
# what it runs. Caddy itself is the judge: it keeps what it has when it refuses a text (exit code 3), and does nothing when it has
# it already. STARTED names containers of this server that are to get traffic by it, one a line.

await_healthy "$CONTAINER"
# They were healthy once; a reboot may have come in between.
while read -r replica; do
  [ -z "$replica" ] || await_healthy "$replica"
done <<<"$STARTED"
cd /home/keystone/gateway || exit
exec 9>.lock
flock 9

admin() { sudo curl --silent --show-error --max-time 60 --unix-socket admin.sock "$@"; }

applied=$(cat applied 2>/dev/null || echo 0)
if [ "$applied" -lt "$REVISION" ]; then
  cp "next/$REVISION" Caddyfile.next
  await_fresh
  status=$(admin --header 'Content-Type: text/caddyfile' --data-binary @Caddyfile.next --output load.out --write-out '%{http_code}' http://localhost/load)
  if [ "$status" != 200 ]; then
    echo "Caddy refused revision $REVISION (HTTP $status): $(cat load.out)" >&2
    rm -f Caddyfile.next load.out "next/$REVISION"
    [ "$status" = 400 ] && exit 3
    exit 1
  fi
  cp /proc/uptime applied.uptime.next
  mv applied.uptime.next applied.uptime
  fresh_for 10
  mv Caddyfile.next Caddyfile
  echo "$REVISION" >applied.next
  mv applied.next applied
  applied=$REVISION
fi

running=$(admin --fail http://localhost/config/)
sections=$(grep -o '"keystone_section":"[0-9a-f]*"' <<<"$running" | cut -d '"' -f 4 | sort -u | sed 's/.*/"&"/' | paste -sd, || true)
printf '{"appliedRevision":%s,"liveSections":[%s]}' "$applied" "$sections" >"$KEYSTONE_RESULT"

# Texts of revisions that can no longer come.
find next -type f -name '[0-9]*' | while read -r text; do
  [ "$(basename "$text")" -gt "$applied" ] || rm -f "$text"
done
rm -f load.out
