#!/bin/bash
# Builds the image of one commit with Keystone's own Dockerfile, whatever Dockerfile the repository has. An image with the same
# artifact key is reported as it is. Source and deploy key are gone when the step ends.
set -euo pipefail

work=$KEYSTONE_STEP_DIR/work
cleanup() { rm -rf "$work" "$KEYSTONE_SECRETS/deploy-key" "$KEYSTONE_SECRETS/config.json"; }
trap cleanup EXIT

# Stores the image in a registry under STORED_AS, if that is wished for; what is there already is not sent again.
store() {
  [ -n "$STORED_AS" ] || return 0
  echo "Pushing $STORED_AS"
  docker tag "$IMAGE_TAG" "$STORED_AS"
  DOCKER_CONFIG=$KEYSTONE_SECRETS docker push --quiet "$STORED_AS"
}

# report REUSED
report() {
  local facts='"imageId":{{json .Id}},"sizeBytes":{{.Size}},"os":{{json .Os}},"architecture":{{json .Architecture}},"digests":{{json .RepoDigests}}'
  docker image inspect --format "{$facts,\"reused\":$1}" "$IMAGE_TAG" >"$KEYSTONE_RESULT"
}

present=$(docker image ls --quiet --no-trunc --filter "label=keystone.artifact=$ARTIFACT_KEY" | head -n 1)
if [ -n "$present" ]; then
  docker tag "$present" "$IMAGE_TAG"
  echo "The image of commit $COMMIT exists already."
  store
  report true
  exit 0
fi

rm -rf "$work"
mkdir -p "$work/source"
printf '%s\n' "$KNOWN_HOSTS" >"$work/known_hosts"
printf '%s' "$DOCKERFILE" >"$work/Dockerfile"
printf '%s' "$DOCKERIGNORE" >"$work/Dockerfile.dockerignore"

export GIT_TERMINAL_PROMPT=0
export GIT_SSH_COMMAND="ssh -F none -i $KEYSTONE_SECRETS/deploy-key -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile=$work/known_hosts -o GlobalKnownHostsFile=none -o ConnectTimeout=20"
git -c init.defaultBranch=main init --quiet "$work/source"
cd "$work/source"
git remote add origin "$REPOSITORY_URL"
echo "Fetching commit $COMMIT"
# A server with protocol version 0 gives out tips only: then the branches are fetched whole.
if ! git -c protocol.version=2 fetch --quiet --depth 1 --no-tags origin "$COMMIT" 2>"$work/fetch.err"; then
  git fetch --quiet --no-tags origin '+refs/heads/*:refs/remotes/origin/*' || { cat "$work/fetch.err" >&2; exit 1; }
fi
git -c advice.detachedHead=false checkout --quiet "$COMMIT"
[ -f "$PROJECT_ROOT/composer.json" ] || { echo "There is no composer.json in the folder $PROJECT_ROOT of commit $COMMIT." >&2; exit 1; }

mapfile -t arguments < <(printf '%s' "$BUILD_ARGS")
mapfile -t labels < <(printf '%s' "$IMAGE_LABELS")
docker buildx build --load --progress plain --file "$work/Dockerfile" --tag "$IMAGE_TAG" \
  "${arguments[@]/#/--build-arg=}" "${labels[@]/#/--label=}" "$PROJECT_ROOT"
store
report false
