# shellcheck shell=bash
# What scripts that prepare a server begin with.
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

# give_up CODE MESSAGE: ends the step; both are what the operation fails with.
give_up() {
  printf '%s\n%s\n' "$1" "$2" >"$KEYSTONE_RESULT"
  echo "$2" >&2
  exit 1
}

is_installed() { dpkg-query --show --showformat='${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed; }

# differs TEXT PATH: the file is not there, or not so.
differs() { ! cmp --quiet "$2" - <<<"$1"; }

# place TEXT PATH [MODE]: nobody reads half a file.
place() {
  differs "$1" "$2" || return 0
  install -D -m "${3:-0644}" /dev/stdin "$2.keystone" <<<"$1"
  mv "$2.keystone" "$2"
}

# run_unit UNIT: now and after every boot.
run_unit() {
  systemctl is-enabled --quiet "$1" && systemctl is-active --quiet "$1" || systemctl enable --now --quiet "$1"
}

apt_holder() {
  lslocks --raw --noheadings --output COMMAND,PID,PATH | grep -E ' /var/(lib/(dpkg/lock(-frontend)?|apt/lists/lock)|cache/apt/archives/lock)$'
}

# await_apt: a new server installs updates of its own first.
await_apt() {
  local holder
  for ((waited = 0; waited < APT_SECONDS; waited += 1)); do
    holder=$(apt_holder) || return 0
    ((waited % 30)) || echo "Waiting for apt, which is used by ${holder%% /*} (name and process id)"
    sleep 1
  done
  give_up apt_busy "apt has been used for $APT_SECONDS s by ${holder%% /*} (name and process id)."
}

apt() {
  await_apt
  apt-get -o "DPkg::Lock::Timeout=$APT_SECONDS" -o Acquire::Retries=3 --yes --quiet --no-install-recommends "$@" ||
    give_up packages_failed "apt-get $1 ended with exit code $?."
}

# In the folder of the operation.
lists_fetched=$KEYSTONE_STEP_DIR/../lists-fetched

# install_packages NAME...: those that are missing. The lists are fetched once an operation at most.
install_packages() {
  local package missing=()
  for package; do is_installed "$package" || missing+=("$package"); done
  [ "${#missing[@]}" -gt 0 ] || return 0
  echo "Installing ${missing[*]}"
  update_lists
  require_room /var/cache/apt/archives /usr
  apt install "${missing[@]}"
}

update_lists() {
  [ ! -e "$lists_fetched" ] || return 0
  apt update
  touch "$lists_fetched"
}

# require_room FOLDER...: half-installed packages are worse than none.
require_room() {
  local folder free
  for folder; do
    free=$(df --output=avail --block-size=1M "$folder" | tail -n 1)
    ((free >= ROOM_MB)) || give_up disk_full "The disk is full: $folder has $((free)) MB left, and $ROOM_MB MB are needed."
  done
}
