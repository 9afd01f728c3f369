import { asset, withoutAsset } from '../lab/sample-app.ts'
import type { Sample, Scene } from './scene.ts'

/** Makes new versions of a sample application. */
export interface Versions {
  /** A commit with another version, and another hashed asset in the place of the one before. Returns its sha. */
  next(): Promise<string>
}

/** The sample's main is version 2. */
export function createVersions({ lab }: Scene, { repository }: Sample): Versions {
  let current: number | string = 2
  return {
    async next() {
      const version = new Date().toISOString()
      const files = { VERSION: `${version}\n`, ...withoutAsset(current), ...asset(version) }
      const sha = await lab.gitHost.pushCommit(repository, 'main', { files })
      current = version
      return sha
    },
  }
}
