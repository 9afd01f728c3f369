# Which Docker there is, and which the distribution has: lines of `NAME VERSION`.
set -euo pipefail

command -v docker >/dev/null || update_lists
. /etc/os-release
{
  echo "id $ID"
  echo "codename $VERSION_CODENAME"
  echo "architecture $(dpkg --print-architecture)"
  echo "engine $(docker version --format '{{.Server.Version}}' 2>/dev/null || true)"
  echo "compose $(docker compose version --short 2>/dev/null || true)"
  echo "buildx $(docker buildx version 2>/dev/null | cut -d' ' -f2 || true)"
  for package in docker.io docker-compose docker-compose-v2 docker-buildx docker-cli; do
    echo "$package $(apt-cache policy "$package" | sed -n 's/^  Candidate: //p')"
  done
} >"$KEYSTONE_RESULT"
