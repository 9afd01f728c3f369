# shellcheck shell=bash
# Removes the folders of operations that nobody has looked at for FOLDER_DAYS, but for those of KEEP_OPERATIONS (hashes, one a line).

for operations in /home/keystone/operations /var/lib/keystone/operations; do
  sudo test -d "$operations" || continue
  old=$(sudo find "$operations" -mindepth 1 -maxdepth 1 -type d -mtime "+$FOLDER_DAYS" -printf '%f\n')
  while read -r hash; do
    [ -n "$hash" ] || continue
    ! grep --quiet --fixed-strings --line-regexp -- "$hash" <<<"$KEEP_OPERATIONS" || continue
    sudo rm -rf -- "$operations/$hash"
    echo "Removed $operations/$hash"
  done <<<"$old"
done
