# Unpacks the parcel on stdin into memory (tmpfs: it may carry secrets) and runs its main part, which is packed last: half a parcel has none.
umask 077
staging=$(mktemp -d /dev/shm/keystone.XXXXXX) || exit
trap 'rm -rf "$staging"' EXIT
tar --extract --preserve-permissions --no-same-owner --directory "$staging" --file - || exit
/bin/bash "$staging/main.sh" "$staging" "$@"
