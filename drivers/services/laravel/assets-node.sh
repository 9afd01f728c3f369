# Builds the assets with the package manager whose lock file there is. Nothing that is only needed to build is left out.
set -eu
cache=${ASSETS_CACHE:-/tmp/assets-cache}
export CI=true COREPACK_ENABLE_DOWNLOAD_PROMPT=0 COREPACK_HOME=$cache/corepack npm_config_cache=$cache/npm
export npm_config_store_dir=$cache/pnpm pnpm_config_store_dir=$cache/pnpm YARN_GLOBAL_FOLDER=$cache/yarn

# provide NAME PACKAGE: the manager that package.json names in packageManager, else PACKAGE; newer images of Node have no corepack.
provide() {
  if command -v corepack >/dev/null; then
    corepack enable "$1"
    return
  fi
  named=$(node -p "(require('./package.json').packageManager || '$2').replace(/[+].*/, '').replace(/^yarn@(?!1[.])/, '@yarnpkg/cli-dist@')")
  npm install --global --no-audit --no-fund --force "$named"
}

if [ -f pnpm-lock.yaml ]; then
  provide pnpm pnpm@10
  pnpm install --frozen-lockfile --prod=false
  pnpm run build
elif [ -f yarn.lock ] && grep -q '^# yarn lockfile v1' yarn.lock; then
  provide yarn yarn@1.22
  YARN_CACHE_FOLDER=$cache/yarn-1 yarn install --frozen-lockfile --production=false
  yarn run build
elif [ -f yarn.lock ]; then
  provide yarn yarn@4
  yarn install --immutable
  yarn run build
elif [ -f package-lock.json ] || [ -f npm-shrinkwrap.json ]; then
  npm ci --include=dev
  npm run build
else
  npm install --include=dev
  npm run build
fi
