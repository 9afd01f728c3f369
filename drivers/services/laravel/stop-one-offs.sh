#!/bin/bash
# Stops and removes the one-off containers of an operation; replicas carry no such label.
set -euo pipefail

mapfile -t containers < <(docker ps --all --quiet --filter "label=keystone.oneoff=$OPERATION_HASH")
[ "${#containers[@]}" -gt 0 ] || exit 0
docker stop --time 10 "${containers[@]}" >/dev/null
docker rm --force "${containers[@]}" >/dev/null
