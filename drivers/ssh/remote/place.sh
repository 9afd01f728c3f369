# make_folder FOLDER OWNER: makes it, and what is missing above it, 0700. Its owner makes it: a folder that is given away afterwards
# is root's for ever when a shutdown comes in between.
make_folder() {
  [ -d "$1" ] || setpriv --reuid "${2%:*}" --regid "${2#*:}" --keep-groups mkdir -p "$1"
}

# place STAGED OWNER WRITER: copies every file below STAGED beside its absolute target and renames it: nobody reads half a file.
# The copy is named after its one WRITER, who finds it again and takes it away when a reboot had come in between.
place() {
  local staged target beside writer=$3
  [ -d "$1" ] || return 0
  chown -R "$2" "$1"
  find "$1" -type f -print0 | while IFS= read -r -d '' staged; do
    target=${staged#"$1"}
    make_folder "${target%/*}" "$2"
    beside=${target%/*}/.keystone.$writer.${target##*/}
    rm -f "$beside"
    cp -p "$staged" "$beside" && mv -T "$beside" "$target" || { rm -f "$beside"; return 1; }
  done
}
