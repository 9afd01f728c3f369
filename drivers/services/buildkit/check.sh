#!/bin/bash
# Whether this server can build images: with BuildKit, from a Git repository, and for all PLATFORMS, one a line. Where the kernel
# cannot run the programs of one, it is taught to.
set -euo pipefail

docker buildx version || { echo "Docker has no buildx here: install docker-buildx-plugin" >&2; exit 1; }
git --version || { echo "git is missing here: install it" >&2; exit 1; }

# machine_of PLATFORM: as `uname` calls it.
machine_of() {
  case $1 in
    linux/amd64) echo x86_64 ;;
    linux/arm64) echo aarch64 ;;
    *) echo "The platform $1 is not supported" >&2; return 1 ;;
  esac
}

# runs MACHINE: with the flag F the emulator is there in containers, too (Linux, "Kernel Support for miscellaneous Binary Formats").
runs() {
  [ "$1" = "$(uname -m)" ] && return 0
  local entry=/proc/sys/fs/binfmt_misc/qemu-$1
  [ -r "$entry" ] && grep -qx enabled "$entry" && grep -q '^flags:.*F' "$entry"
}

install_emulator() {
  echo "Installing QEMU"
  # Its name since Debian 13; before that it had everything in one package.
  local package=qemu-user-binfmt
  sudo apt-get -o DPkg::Lock::Timeout=600 update --quiet
  [ -n "$(apt-cache search --names-only "^$package\$")" ] || package=qemu-user-static
  sudo env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install --yes --quiet --no-install-recommends "$package"
  mountpoint --quiet /proc/sys/fs/binfmt_misc || sudo mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
  sudo systemctl restart systemd-binfmt
}

while read -r platform; do
  [ -n "$platform" ] || continue
  machine=$(machine_of "$platform")
  runs "$machine" || install_emulator
  runs "$machine" || { echo "This server's kernel does not run programs for $platform: does it have binfmt_misc?" >&2; exit 1; }
  echo "Builds for $platform"
done <<<"$PLATFORMS"
