#!/bin/bash
# Deletes one volume with all that is in it; fine when it is gone. Docker refuses while a container uses it.
set -euo pipefail

found=$(docker volume ls --quiet --filter "name=^$VOLUME\$")
[ -z "$found" ] || docker volume rm "$VOLUME"
