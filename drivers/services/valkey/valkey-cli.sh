#!/bin/bash
# Runs the commands of a slice as administrator inside the container. They come by stdin, for they hold passwords.
# valkey-cli prints what it thinks of each command, and only -e makes it fail with it.
set -euo pipefail

docker exec --interactive "$CONTAINER" valkey-cli -e <"$KEYSTONE_SECRETS/commands"
