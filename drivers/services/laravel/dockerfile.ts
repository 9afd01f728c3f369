import Handlebars from 'handlebars'
import { textBeside } from '../scripts.ts'
import type { BuildConfig } from './config.ts'

const template = Handlebars.compile(textBeside(import.meta.url, 'Dockerfile.hbs'), { noEscape: true, strict: true })

const composerFlags = ['--no-dev', '--prefer-dist', '--no-interaction', '--no-progress', '--optimize-autoloader']

/** By lock file, since only the source says which package manager it uses. */
const assets: Readonly<Record<BuildConfig['assetBuild'], string>> = {
  none: '',
  node:
    'export npm_config_cache=/tmp/assets-cache; ' +
    'if [ -f pnpm-lock.yaml ]; then corepack enable && pnpm install --frozen-lockfile && pnpm run build; ' +
    'elif [ -f yarn.lock ]; then corepack enable && yarn install --immutable && yarn run build; ' +
    'else npm ci && npm run build; fi',
  bun:
    'export BUN_INSTALL_CACHE_DIR=/tmp/assets-cache; ' +
    'if [ -f bun.lock ] || [ -f bun.lockb ]; then bun install --frozen-lockfile; else bun install; fi && bun run build',
}

/** The Dockerfile of an application. `cacheId` keeps the package caches of applications apart. */
export function renderDockerfile(config: BuildConfig, cacheId: string): string {
  return template({
    cacheId,
    extensions: config.phpExtensions.join(' '),
    documentRoot: config.documentRoot,
    composerFlags: [...composerFlags, ...config.composerFlags].join(' '),
    persistentPaths: config.persistentPaths.join(' '),
    assets: assets[config.assetBuild],
  })
}

/** Beside the Dockerfile, so that it counts instead of the repository's own. */
export const dockerignore = textBeside(import.meta.url, 'dockerignore')
