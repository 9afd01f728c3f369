# wrapper.sh RUN: the unit's main process. Runs the step's script and, as the last thing, tells its end.
# A signal ends it without an exit file: only then may the step run again.
set -u
export LANG=C.UTF-8
set -a
source ./inputs.sh
set +a
/bin/bash -euo pipefail ./script.sh </dev/null >"out.$1" 2>"err.$1"
code=$?
umask 077
find "$KEYSTONE_SECRETS" -mindepth 1 -delete
mapfile -t sizes < <(stat --format %s "out.$1" "err.$1")
printf '%d %d %d\n' "$code" "${sizes[@]}" >exit.new
sync "out.$1" "err.$1" result exit.new # a file system may keep the name and lose the bytes when the power fails
mv exit.new exit
