# upload.sh STAGING: puts the parcel's files in place, owned by whoever logged in.
set -euo pipefail
source "$1/place.sh"
place "$1/files" "$(id -u):$(id -g)" "${1##*/}"
