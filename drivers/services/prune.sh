#!/bin/bash
# Removes what an environment's pruned releases have left on this server: images under its own NAMES (one a line), unless a container uses
# them, and images of its that have lost their name. KEEP_IMAGES holds the ids of those that a kept release needs, one a line;
# UNNEEDED holds images that were built elsewhere, by digest: under a tag of somebody else they stay. ONLY_IMAGES
# holds the ids of those of the environment's own that may go, or is `all`.
# Volumes are not touched. Docker's answers are assigned before they are judged: an outage ends the script and is not taken for an absent
# image.
set -euo pipefail

# is_listed ENTRY LIST
is_listed() { grep --quiet --fixed-strings --line-regexp -- "$1" <<<"$2"; }

# What somebody else has put under the environment's name, without the labels of a build, stays.
is_ours() { [ -n "$(docker image inspect --format '{{index .Config.Labels "keystone.artifact"}}' "$1")" ]; }

is_used() { [ -n "$(docker ps --all --quiet --filter "ancestor=$1")" ]; }

# With the last tag of a repository Docker takes the digests of it away, too.
remove_unless_needed() {
  local name=$1 id=$2
  [ "$ONLY_IMAGES" = all ] || is_listed "$id" "$ONLY_IMAGES" || return 0
  docker image inspect "$name" >/dev/null 2>&1 || return 0
  is_listed "$id" "$KEEP_IMAGES" || ! is_ours "$id" || is_used "$id" || docker image rm "$name"
}

# Each reference to an image by tag or digest, and its id.
named() {
  local name
  while read -r name; do
    docker image ls --no-trunc --digests --format '{{.Repository}} {{.Tag}} {{.Digest}} {{.ID}}' "$name"
  done <<<"$NAMES" | awk '$2 != "<none>" { print $1 ":" $2, $4 } $3 != "<none>" { print $1 "@" $3, $4 }' | sort --unique
}

images=$(named)
while read -r name id; do
  [ -z "$id" ] || remove_unless_needed "$name" "$id"
done <<<"$images"

nameless=$(docker image ls --quiet --no-trunc --filter dangling=true --filter "label=keystone.environment=$ENVIRONMENT")
while read -r id; do
  [ -z "$id" ] || remove_unless_needed "$id" "$id"
done <<<"$nameless"

# Most of these went long ago: Docker is asked for all digests at once, and only then for the few that it has.
digests=$(docker image ls --digests --format '{{.Digest}}')
while read -r name; do
  is_listed "${name#*@}" "$digests" || continue
  ! docker image inspect "$name" >/dev/null 2>&1 || is_used "$name" || docker image rm "$name"
done <<<"$UNNEEDED"

left=$(named)
printf '%s' "$left" >"$KEYSTONE_RESULT"
