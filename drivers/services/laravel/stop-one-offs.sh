# shellcheck shell=bash
# After containers.sh: stops and removes the one-off containers of an operation; replicas carry no such label.

stop_containers 10 "keystone.oneoff=$OPERATION_HASH"
