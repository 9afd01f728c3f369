# shellcheck shell=bash
# After containers.sh: runs SQL as psql.sh does, and reports the number that it answers.

await_healthy "$CONTAINER"
docker exec --interactive --user postgres "$CONTAINER" \
  psql --no-psqlrc --quiet --tuples-only --set ON_ERROR_STOP=1 --username postgres --dbname postgres <"$KEYSTONE_SECRETS/sql" >"$KEYSTONE_RESULT"
