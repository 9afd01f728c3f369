# Tells whether something in PATHS differs between HEAD_COMMIT and one of the commits SINCE, and with which message the head was made; no
# file is fetched for that. What the repository does not have any more cannot be compared: that counts as different, and so does nothing
# to compare with.
set -euo pipefail

work=$KEYSTONE_STEP_DIR/work
cleanup() { rm -rf "$work" "$KEYSTONE_SECRETS/deploy-key"; }
trap cleanup EXIT
# An earlier run of this step may have left some.
rm -rf "$work"

mapfile -t since < <(printf '%s' "$SINCE")
mapfile -t paths < <(printf '%s' "$PATHS")

# differs COMMIT
differs() {
  fetch_commit "$1" --filter=blob:none || return 0
  git cat-file -e "$1^{commit}" 2>/dev/null || return 0
  [ -n "$(git --literal-pathspecs diff-tree -r --name-only --no-renames "$1" "$HEAD_COMMIT" -- "${paths[@]}")" ]
}

open_repository "$work/source"
fetch_commit "$HEAD_COMMIT" --filter=blob:none
result=same
[ "${#since[@]}" -gt 0 ] || result=different
for commit in "${since[@]}"; do
  if differs "$commit"; then
    echo "Since $commit something has changed in ${paths[*]}"
    result=different
    break
  fi
done
{ echo "$result"; git log -1 --format=%B "$HEAD_COMMIT"; } >"$KEYSTONE_RESULT.part"
mv "$KEYSTONE_RESULT.part" "$KEYSTONE_RESULT"
