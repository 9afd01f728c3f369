#!/bin/bash
# Pulls an image through this server's Docker, so that its mirrors and logins count, and reports what it is. REFERENCE is a
# tag, or `name@sha256:…` once it has been resolved: then nothing is asked of the registry where the image is present.
set -euo pipefail

case $REFERENCE in
  *@sha256:*) docker image inspect "$REFERENCE" >/dev/null 2>&1 || docker pull --quiet "$REFERENCE" >/dev/null ;;
  *) docker pull --quiet "$REFERENCE" >/dev/null ;;
esac
docker image inspect --format '{"imageId":{{json .Id}},"digests":{{json .RepoDigests}}}' "$REFERENCE" >"$KEYSTONE_RESULT"
