# make_folder FOLDER OWNER: makes it, and what is missing above it, 0700.
make_folder() {
  [ -n "$1" ] && [ ! -d "$1" ] || return 0
  make_folder "${1%/*}" "$2"
  mkdir -p -m 0700 "$1"
  chown "$2" "$1"
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
