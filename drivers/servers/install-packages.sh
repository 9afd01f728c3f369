# What Keystone needs of the distribution beside Docker.
set -euo pipefail

read -ra packages <<<"$PACKAGES"
install_packages "${packages[@]}"
