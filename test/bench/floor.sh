#!/bin/bash
# What a person would write to replace one container by the next without an outage, and nothing more. Runs in a folder with
# `template.yml`, `template.env` and a gateway of its own. NEXT and LAST name the generations.
set -euo pipefail
cd "$FOLDER"

load() {
  sed "s/UPSTREAMS/$*/" Caddyfile.template >Caddyfile
  curl --silent --show-error --fail --unix-socket admin.sock --header 'Content-Type: text/caddyfile' --data-binary @Caddyfile http://localhost/load
}

mkdir "$NEXT"
sed "s/GENERATION/$NEXT/g" template.yml >"$NEXT/compose.yml"
{ cat template.env; echo "APP_RELEASE=$NEXT"; } >"$NEXT/.env"
docker compose --env-file /dev/null --project-name "$NEXT" --file "$NEXT/compose.yml" up --detach --wait --wait-timeout 60 >/dev/null 2>&1
load "$LAST:8080 $NEXT:8080"
load "$NEXT:8080"
sleep 2
docker compose --env-file /dev/null --project-name "$LAST" --file "$LAST/compose.yml" down >/dev/null 2>&1
rm -r "$LAST"
