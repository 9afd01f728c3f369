# Unpacks the parcel, the first $1 bytes of stdin, into memory (tmpfs: it may carry secrets), and runs its main script with the
# other arguments. That script is packed last: half a parcel has none.
umask 077
size=$1
shift
staging=$(mktemp -d /dev/shm/keystone.XXXXXX) || exit
trap 'rm -rf "$staging"' EXIT
head --bytes "$size" | tar --extract --preserve-permissions --no-same-owner --directory "$staging" --file - || exit
/bin/bash "$staging/main.sh" "$staging" "$@"
