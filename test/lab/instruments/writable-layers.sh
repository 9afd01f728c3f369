# shellcheck shell=bash
# After shared.sh: the folder with the files of its own of each container, a line each.
set -e
has_docker || exit 0
docker ps --all --quiet | xargs --no-run-if-empty docker inspect --format '{{.GraphDriver.Data.UpperDir}}'
