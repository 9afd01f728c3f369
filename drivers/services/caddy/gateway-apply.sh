# shellcheck shell=bash
# After containers.sh, revisions.sh and newest-listener.sh: gives the gateway a revision of its configuration, unless it has that one
# or a later one, and has it say what it runs. Caddy itself is the judge: it keeps what it has when it refuses a text (exit code 3),
# and does nothing when it has it already. STARTED names containers of this server that are to get traffic by it, one a line, and
# CERTIFICATES files of certificates and keys that users gave, each with its content in $KEYSTONE_SECRETS.

await_healthy "$CONTAINER" '{{.State.Pid}}'
gateway_pid=${told:?}
# They were healthy once; a reboot may have come in between.
while read -r replica; do
  [ -z "$replica" ] || await_healthy "$replica"
done <<<"$STARTED"
cd /home/keystone/gateway || exit
exec 9>.lock
flock 9

# shellcheck disable=SC2024 # the file is the step's own
# What Caddy says to the text, and the HTTP status in a last line. It answers when the configuration before has let go of its
# connections, which is not waited for here, and goes on without the one who asked.
load() {
  sudo curl --silent --show-error --max-time 600 --unix-socket admin.sock --header 'Content-Type: text/caddyfile' \
    --data-binary @Caddyfile.next --write-out '\n%{http_code}' http://localhost/load >"$KEYSTONE_STEP_DIR/loaded" 9>&-
}

# Fails where Caddy does not take it.
await_running() {
  until revision_running "$REVISION" >/dev/null; do
    kill -0 "$loading" 2>/dev/null || { revision_running "$REVISION" >/dev/null; return; }
    sleep 0.02
  done
}

# Not with the step's files: only now it is this revision's turn.
place_certificates() {
  local file
  mkdir -p -m 0700 certificates
  while read -r file; do
    [ -z "$file" ] || cmp -s "$KEYSTONE_SECRETS/$file" "certificates/$file" || install -m 0600 "$KEYSTONE_SECRETS/$file" "certificates/$file"
  done <<<"$CERTIFICATES"
}

# What the applied configuration does not name: routes have gone, have got another certificate, or were refused.
remove_unused_certificates() {
  local file
  find certificates -type f -printf '%f\n' | while read -r file; do
    grep -qsF "/etc/caddy/certificates/$file" Caddyfile || rm -f "certificates/$file"
  done
}

applied=$(cat applied 2>/dev/null || echo 0)
if [ "$applied" -lt "$REVISION" ]; then
  place_certificates
  cp "next/$REVISION" Caddyfile.next
  await_one_revision
  rm -f leaving-*
  touch "leaving-$applied"
  prefer_newest "$gateway_pid" || echo 'connections that come at this moment may be lost: see above' >&2
  load & loading=$!
  if ! await_running; then
    said=$(<"$KEYSTONE_STEP_DIR/loaded")
    echo "Caddy refused revision $REVISION (HTTP ${said##*$'\n'}): ${said%$'\n'*}" >&2
    rm -f Caddyfile.next "leaving-$applied" "next/$REVISION"
    remove_unused_certificates
    [ "${said##*$'\n'}" = 400 ] && exit 3
    exit 1
  fi
  mv Caddyfile.next Caddyfile
  echo "$REVISION" >applied.next
  mv applied.next applied
  applied=$REVISION
  remove_unused_certificates
fi

revision_running "$applied" >"$KEYSTONE_RESULT"

# Texts of revisions that can no longer come.
find next -type f -name '[0-9]*' | while read -r text; do
  [ "$(basename "$text")" -gt "$applied" ] || rm -f "$text"
done
