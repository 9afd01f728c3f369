# shellcheck shell=bash
# After containers.sh: runs the SQL of a slice as superuser over the socket inside the container. It comes by stdin, for it
# holds verifiers.

await_healthy "$CONTAINER"
docker exec --interactive --user postgres "$CONTAINER" \
  psql --no-psqlrc --quiet --tuples-only --set ON_ERROR_STOP=1 --username postgres --dbname postgres <"$KEYSTONE_SECRETS/sql"
