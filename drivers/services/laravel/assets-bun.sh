# Builds the assets with Bun. A lock file is kept to where there is one.
set -eu
export BUN_INSTALL_CACHE_DIR=${ASSETS_CACHE:-/tmp/assets-cache}/bun
if [ -f bun.lock ] || [ -f bun.lockb ]; then
  bun install --frozen-lockfile
else
  bun install
fi
bun run build
