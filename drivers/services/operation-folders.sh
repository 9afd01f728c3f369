# shellcheck shell=bash
# Removes the folders of operations that nobody has looked at for FOLDER_DAYS, and what an outage has left of their secrets after a day,
# but for those of KEEP_OPERATIONS (hashes, one a line).

remove_older() {
  local operations=$1 days=$2 old hash
  sudo test -d "$operations" || return 0
  old=$(sudo find "$operations" -mindepth 1 -maxdepth 1 -type d -mtime "+$days" -printf '%f\n')
  while read -r hash; do
    [ -n "$hash" ] || continue
    ! grep --quiet --fixed-strings --line-regexp -- "$hash" <<<"$KEEP_OPERATIONS" || continue
    sudo rm -rf -- "${operations:?}/$hash"
    echo "Removed $operations/$hash"
  done <<<"$old"
}
remove_older /home/keystone/operations "$FOLDER_DAYS"
remove_older /var/lib/keystone/operations "$FOLDER_DAYS"
remove_older /run/keystone 0
