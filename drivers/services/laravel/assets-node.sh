# Builds the assets with the package manager whose lock file there is. Nothing that is only needed to build is left out.
set -eu
cache=${ASSETS_CACHE:-/tmp/assets-cache}
export CI=true npm_config_cache=$cache/npm
export npm_config_store_dir=$cache/pnpm pnpm_config_store_dir=$cache/pnpm YARN_GLOBAL_FOLDER=$cache/yarn

# provide PACKAGE: the manager that package.json names in packageManager, else PACKAGE. Not by corepack: newer images of Node have none.
provide() {
  named=$(node -p "(require('./package.json').packageManager || '$1').replace(/[+].*/, '').replace(/^yarn@(?!1[.])/, '@yarnpkg/cli-dist@')")
  npm install --global --no-audit --no-fund --force "$named"
}

# What may not change a lock file refuses one of another version: the newest manager that writes such a one is taken.
of_pnpm_lock() {
  case $(grep '^lockfileVersion:' pnpm-lock.yaml) in
    *5.*) echo pnpm@7 ;;
    *6.*) echo pnpm@8 ;;
    *) echo pnpm@10 ;;
  esac
}
of_yarn_lock() {
  case $(grep -A 1 '^__metadata:' yarn.lock) in
    *'version: '[4-7]) echo yarn@3 ;;
    *'version: 8') echo yarn@4.13 ;;
    *'version: 9') echo yarn@4.14 ;;
    *) echo yarn@4 ;;
  esac
}

if [ -f pnpm-lock.yaml ]; then
  provide "$(of_pnpm_lock)"
  pnpm install --frozen-lockfile --prod=false
  pnpm run build
elif [ -f yarn.lock ] && grep -q '^# yarn lockfile v1' yarn.lock; then
  provide yarn@1.22
  YARN_CACHE_FOLDER=$cache/yarn-1 yarn install --frozen-lockfile --production=false
  yarn run build
elif [ -f yarn.lock ]; then
  provide "$(of_yarn_lock)"
  yarn install --immutable
  yarn run build
elif [ -f package-lock.json ] || [ -f npm-shrinkwrap.json ]; then
  npm ci --include=dev
  npm run build
else
  npm install --include=dev
  npm run build
fi
