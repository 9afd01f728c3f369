# shellcheck shell=bash
# After shared.sh: how images were made and are configured, and how containers are: NAME TAB JSON, a line each.
set -e
has_docker || exit 0
docker image ls --all --quiet --no-trunc | sort --unique | while read -r image; do
  tags=$(docker image inspect --format '{{range .RepoTags}}{{.}} {{end}}' "$image")
  name=${tags:-$image }
  docker image inspect --format "image ${name% }"$'\t''{{json .}}' "$image"
  docker image history --no-trunc --format "history of image ${name% }"$'\t''{{json .}}' "$image"
done
docker ps --all --quiet --no-trunc |
  xargs --no-run-if-empty docker inspect --format '{{printf "container %s\t%s" (slice .Name 1) (json .)}}'
