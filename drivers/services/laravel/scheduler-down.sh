# shellcheck shell=bash
# After scheduler-release.sh: ends the scheduler. The running tick may finish; returns when Docker shows the container gone.

stop_containers "$GRACE_SECONDS" "keystone.replica=$REPLICA" keystone.scheduler=yes
