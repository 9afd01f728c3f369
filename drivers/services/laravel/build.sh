# Builds the image of one commit with Keystone's own Dockerfile, whatever Dockerfile the repository has. An image with the same
# artifact key is reported as it is. IMAGES has a line for each platform: what it is, the tag of its image here, and the one under which
# it is pushed, where it is. Source and deploy key are gone when the step ends.
set -euo pipefail

work=$KEYSTONE_STEP_DIR/work
cleanup() { rm -rf "$work" "$KEYSTONE_SECRETS/deploy-key" "$KEYSTONE_SECRETS/config.json" "$KEYSTONE_SECRETS/build-inputs"; }
trap cleanup EXIT
# An earlier run of this step may have left some of each.
rm -rf "$work" "$KEYSTONE_RESULT.part"

# Gets the source of the commit, whose folder is then the current one.
fetch_source() {
  open_repository "$work/source"
  printf '%s' "$DOCKERFILE" >"$work/Dockerfile"
  printf '%s' "$DOCKERIGNORE" >"$work/Dockerfile.dockerignore"
  echo "Fetching commit $COMMIT"
  fetch_commit "$COMMIT"
  git -c advice.detachedHead=false checkout --quiet "$COMMIT"
  [ -f "$PROJECT_ROOT/composer.json" ] || { echo "There is no composer.json in the folder $PROJECT_ROOT of commit $COMMIT." >&2; exit 1; }
}

# build PLATFORM TAG
build() {
  local inputs=()
  [ ! -e "$KEYSTONE_SECRETS/build-inputs" ] || inputs=(--secret "id=keystone-build,src=$KEYSTONE_SECRETS/build-inputs")
  docker buildx build --load --progress plain --platform "$1" "${inputs[@]}" --file "$work/Dockerfile" --tag "$2" \
    "${arguments[@]/#/--build-arg=}" "${labels[@]/#/--label=}" "--label=keystone.platform=$1" "$PROJECT_ROOT"
}

# report TAG REUSED
report() {
  local facts='"imageId":{{json .Id}},"sizeBytes":{{.Size}},"os":{{json .Os}},"architecture":{{json .Architecture}},"digests":{{json .RepoDigests}}'
  docker image inspect --format "{$facts,\"reused\":$2}" "$1"
}

mapfile -t arguments < <(printf '%s' "$BUILD_ARGS")
mapfile -t labels < <(printf '%s' "$IMAGE_LABELS")
mapfile -t images < <(printf '%s' "$IMAGES")
for image in "${images[@]}"; do
  read -r platform tag stored_as <<<"$image"
  present=$(docker image ls --quiet --no-trunc --filter "label=keystone.artifact=$ARTIFACT_KEY" --filter "label=keystone.platform=$platform" | head -n 1)
  if [ -n "$present" ]; then
    reused=true
    docker tag "$present" "$tag"
    echo "The image of commit $COMMIT for $platform exists already."
  else
    reused=false
    [ -d "$work/source" ] || fetch_source
    build "$platform" "$tag"
  fi
  # What is in the registry already is not sent again.
  if [ -n "$stored_as" ]; then
    echo "Pushing $stored_as"
    docker tag "$tag" "$stored_as"
    DOCKER_CONFIG=$KEYSTONE_SECRETS docker push --quiet "$stored_as"
  fi
  report "$tag" "$reused" >>"$KEYSTONE_RESULT.part"
done
mv "$KEYSTONE_RESULT.part" "$KEYSTONE_RESULT"
