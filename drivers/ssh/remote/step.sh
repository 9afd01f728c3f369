# Where a durable step lives and what it is doing. Sourced with $hash, $number, $name and $user set.
case $user in
  root) operations=/var/lib/keystone/operations ;;
  *) operations=/home/$user/operations ;;
esac
folder=$operations/$hash/$number-$name
secrets=/run/keystone/$hash/$number
unit=keystone-$hash-$number
IFS=: read -r _ _ uid gid _ < <(getent passwd "$user") || { echo "no such user: $user" >&2; exit 1; }
owner=${uid:?}:${gid:?}

# Makes the step's folder the working folder, and keeps everybody else out of it until leave_folder.
enter_folder() {
  make_folder "$folder" "$owner"
  cd "$folder"
  exec 9>lock
  flock --wait 20 9 || exit 75
}

leave_folder() { exec 9>&-; }

unit_property() { systemctl show --property "$1" --value "$unit"; }

# A unit that is just ending is waited for, so that the answer stays true under the folder's lock.
is_running() {
  case $(unit_property ActiveState) in
    active | activating) return 0 ;;
    deactivating) systemctl stop "$unit" || true ;;
  esac
  return 1
}

current_run() { if [ -e run ]; then cat run; else echo 0; fi; }

# new_run: counts it and empties what it will write.
new_run() {
  run=$(($(current_run) + 1))
  : >"out.$run"
  : >"err.$run"
  : >result
  chown "$owner" "out.$run" "err.$run" result
  echo "$run" >run.new
  mv run.new run
}
