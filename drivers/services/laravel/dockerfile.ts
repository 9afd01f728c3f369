import Handlebars from 'handlebars'
import { textBeside } from '../scripts.ts'
import type { BuildConfig } from './config.ts'

const template = Handlebars.compile(textBeside(import.meta.url, 'Dockerfile.hbs'), { noEscape: true, strict: true })

const composerFlags = ['--no-dev', '--prefer-dist', '--no-interaction', '--no-progress', '--optimize-autoloader']

/** By lock file, since only the source says which package manager it uses. */
const assets: Readonly<Record<BuildConfig['assetBuild'], string>> = {
  none: '',
  node: textBeside(import.meta.url, 'assets-node.sh').trimEnd(),
  bun: textBeside(import.meta.url, 'assets-bun.sh').trimEnd(),
}

/** Id of the secret that holds what a build is given, as a script of exports (`buildInputs`). */
const inputsSecret = 'keystone-build'

/** Mounted for the one command and in no layer; the command's own user may read it. */
const givenInputs = {
  mount: `--mount=type=secret,id=${inputsSecret},required=true,mode=0444 `,
  load: `. /run/secrets/${inputsSecret}; `,
}
const noInputs = { mount: '', load: '' }

/**
 * The Dockerfile of an application; `hasInputs`: with build variables or build secrets. `cacheId` keeps the package caches of
 * applications apart.
 */
export function renderDockerfile(config: BuildConfig, { cacheId, hasInputs }: { cacheId: string; hasInputs: boolean }): string {
  return template({
    cacheId,
    inputs: hasInputs ? givenInputs : noInputs,
    hasInputs,
    extensions: config.phpExtensions.join(' '),
    documentRoot: config.documentRoot,
    toRoot: '../'.repeat(config.documentRoot.split('/').length),
    composerFlags: [...composerFlags, ...config.composerFlags].join(' '),
    persistentPaths: config.persistentPaths.join(' '),
    assets: assets[config.assetBuild],
  })
}

/** Beside the Dockerfile, so that it counts instead of the repository's own. */
export const dockerignore = textBeside(import.meta.url, 'dockerignore')
