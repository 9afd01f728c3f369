# shellcheck shell=bash
# After shared.sh. search-files.sh [FILE_OR_FOLDER...]: where the strings of stdin (one a line) occur; without arguments in all
# files of this server. stdout: MODE OWNER PATH NUL STRING, a line each.
work=$(mktemp --directory /dev/shm/instrument.XXXXXX)
trap 'rm -rf "$work"' EXIT
cat >"$work/strings"
[ $# -gt 0 ] || { mapfile -t everything < <(file_systems) && set -- "${everything[@]}"; }
for root in "$@"; do
  [ -e "$root" ] || { echo "$root does not exist, so nothing can be found in it" >&2 && exit 1; }
done

search=(grep --text --only-matching --fixed-strings --with-filename --null --file "$work/strings")

# Files come and go meanwhile, and those without a match are no error.
{ find "$@" -xdev -path "$work" -prune -o -type f -print0 2>/dev/null || true; } |
  { xargs --null --no-run-if-empty "${search[@]}" 2>/dev/null || true; } |
  sort --unique |
  while IFS= read -r -d '' path && IFS= read -r string; do
    printf '%s %s\0%s\n' "$(stat --format '%a %U' "$path" 2>/dev/null || echo '- gone')" "$path" "$string"
  done
