import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

interface Package {
  optionalDependencies?: Record<string, string>
}

test('the lock file names the packages of every platform: without them npm ci refuses it', () => {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Package> }
  const missing = Object.entries(packages).flatMap(([folder, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter((name) => ![`${folder}/node_modules/${name}`, `node_modules/${name}`].some((at) => at in packages)),
  )
  expect(missing).toEqual([])
})
