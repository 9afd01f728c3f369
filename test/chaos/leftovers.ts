import type { Fingerprint } from '../lab/instruments/fingerprint.ts'

/** How often a server has each kind of thing that is Keystone's, whatever ids are in its names. */
export type Shape = ReadonlyMap<string, number>

const keystones = [
  /^(container|network|volume|image keystone\/|unit keystone-|file \/run\/keystone)/,
  /^file \/home\/keystone\/(?!operations(\/|$)|\.buildx|\.docker)/,
]

const anonymous = (name: string) =>
  name
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<id>')
    .replaceAll(/(?<=-)[0-9a-f]{8}(?![0-9a-f])/g, '<id>')
    .replace(/(?<=\/gateway\/leaving-)\d+$/, '<revision>')
    .replace(/^(image keystone\/[^:]+):.*/, '$1')

/** The things of a server, counted by what they are. */
export function shapeOf(fingerprint: Fingerprint): Shape {
  const shape = new Map<string, number>()
  const own = Object.keys(fingerprint).filter((fact) => keystones.some((pattern) => pattern.test(fact)))
  for (const name of own.map(anonymous)) shape.set(name, (shape.get(name) ?? 0) + 1)
  return shape
}

/**
 * What there is more or less of than after an undisturbed deploy, a line each. `newImages`: built since, one a commit; the oldest
 * may have been pruned.
 */
export function leftovers(undisturbed: Shape, after: Shape, newImages: number): string[] {
  const names = [...new Set([...undisturbed.keys(), ...after.keys()])].toSorted()
  return names.flatMap((name) => {
    const expected = (undisturbed.get(name) ?? 0) + (name.startsWith('image ') ? newImages : 0)
    const found = after.get(name) ?? 0
    const isRight = name.startsWith('image ') ? found <= expected : found === expected
    return isRight ? [] : [`${found} instead of ${expected}: ${name}`]
  })
}
