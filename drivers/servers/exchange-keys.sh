#!/bin/bash
# Lets the user keystone in by the key LET_IN, and no more by SHUT_OUT, however that is written there. Other keys stay, and nobody reads
# half a file.
set -euo pipefail

keys=$HOME/.ssh/authorized_keys
wanted=$(cat "$keys" 2>/dev/null || true)
grep -qxF "$LET_IN" <<<"$wanted" || wanted=${wanted:+$wanted$'\n'}$LET_IN
shut_out=$(cut -d' ' -f2 <<<"$SHUT_OUT")
[ -z "$shut_out" ] || wanted=$(grep -vF "$shut_out" <<<"$wanted")
if ! cmp --quiet "$keys" - <<<"$wanted"; then
  install -m 0600 /dev/stdin "$keys.keystone" <<<"$wanted"
  sync "$keys.keystone"
  mv "$keys.keystone" "$keys"
fi
