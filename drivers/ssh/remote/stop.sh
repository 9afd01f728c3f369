# stop.sh STAGING HASH NUMBER NAME USER: stops the unit with all it started and ends the step, so that it cannot start later.
set -euo pipefail
staging=$1 hash=$2 number=$3 name=$4 user=$5
source "$staging/place.sh"
source "$staging/step.sh"

enter_folder
if is_running; then
  systemctl stop "$unit" || ! is_running
fi
if [ ! -e exit ]; then
  [ -e run ] || new_run
  run=$(current_run)
  printf '143 %d %d\n' "$(stat -c %s "out.$run")" "$(stat -c %s "err.$run")" >exit.new
  chown "$owner" exit.new
  sync exit.new
  mv exit.new exit
fi
