import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { composerLock } from './composer-lock.ts'
import type { Commit, FileChanges } from './fast-import.ts'

const folder = join(import.meta.dirname, 'app')

/** Fixed, so that the same files are the same commits everywhere. */
const date = new Date('2026-01-01T12:00:00Z')

/**
 * The sample Laravel application as a history worth deploying: `main` is version 2 and the tag v1 its parent; from main come
 * `broken-build`, `broken-migration`, `unhealthy` (/up is 500 while / is 200) and `slow-start` (/up is 500 for 20 s).
 */
export async function sampleHistory(): Promise<Commit[]> {
  const files = await sampleFiles()
  const composer = String(files['composer.json'])
  return [
    { branch: 'main', message: 'Visits, version 1', files: { ...files, ...asset(1) }, tag: 'v1', date },
    { branch: 'main', message: 'Version 2', files: { VERSION: '2\n', ...withoutAsset(1), ...asset(2) }, date },
    fromMain('broken-build', 'A build that fails', { 'composer.json': requiringNothingReal(composer) }),
    fromMain('broken-migration', 'A migration that fails', { [migrationPath]: failingMigration }),
    fromMain('unhealthy', 'A version that is unhealthy', { UNHEALTHY: '' }),
    fromMain('slow-start', 'A slow start', { SLOW_START: '', ...withoutAsset(2), ...asset(3) }),
  ]
}

function fromMain(branch: string, message: string, files: FileChanges): Commit {
  return { branch, message, files: { ...files, VERSION: `3-${branch}\n` }, from: 'refs/heads/main', date }
}

async function sampleFiles(): Promise<FileChanges> {
  const files: FileChanges = {}
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile()) files[relative(folder, path)] = await readFile(path)
  }
  files['composer.lock'] = await composerLock(String(files['composer.json']))
  return files
}

/** As a bundler names it: by a hash of what is in it. */
export function asset(version: number | string): FileChanges {
  const hash = createHash('sha256').update(`version ${version}\n`).digest('hex').slice(0, 8)
  return { [`public/build/assets/app-${hash}.css`]: `h1 { content: 'version ${version}' }\n` }
}

export const withoutAsset = (version: number | string): FileChanges => Object.fromEntries(Object.keys(asset(version)).map((path) => [path, null]))

const requiringNothingReal = (composer: string) => composer.replace('"laravel/framework"', '"acme/no-such-package": "^1.0", $&')

const migrationPath = 'database/migrations/2026_01_02_000000_broken.php'
const failingMigration = `<?php

use Illuminate\\Database\\Migrations\\Migration;

return new class extends Migration
{
    public function up(): void
    {
        throw new RuntimeException('this migration fails');
    }
};
`
