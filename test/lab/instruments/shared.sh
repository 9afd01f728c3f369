# shellcheck shell=bash
# What every script here begins with.
set -uo pipefail
export LC_ALL=C

has_docker() { command -v docker >/dev/null; }

# The file systems of this server that keep files, without those that only show a container's from within.
file_systems() {
  findmnt --raw --noheadings --output TARGET --types ext4,xfs,btrfs,overlay,tmpfs |
    grep --invert-match --extended-regexp '^/(dev|sys)$|^/sys/|/merged$|/mounts/shm$'
}
