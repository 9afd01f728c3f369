# shellcheck shell=bash
# Before replica-up.sh: the folder of the charge exists before the container that writes there, under a user of its own.
mkdir -p "$SCHEDULER_FOLDER"
chmod 777 "$SCHEDULER_FOLDER"

