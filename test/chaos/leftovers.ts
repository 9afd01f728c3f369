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

/** The things of a server, counted by what they are; a container also by whether it runs. */
export function shapeOf(fingerprint: Fingerprint): Shape {
  const shape = new Map<string, number>()
  const own = Object.keys(fingerprint).filter((fact) => keystones.some((pattern) => pattern.test(fact)))
  for (const fact of own) {
    const name = fact.startsWith('container ') ? `${anonymous(fact)} ${fingerprint[fact]?.split(' ', 1)[0]}` : anonymous(fact)
    shape.set(name, (shape.get(name) ?? 0) + 1)
  }
  return shape
}

/**
 * What there is more or less of than after an undisturbed deploy, a line each. `newImages`: built since, one a commit; the oldest
 * may have been pruned.
 */
export function leftovers(undisturbed: Shape, after: Shape, newImages = 0): string[] {
  const names = [...new Set([...undisturbed.keys(), ...after.keys()])].toSorted()
  return names.flatMap((name) => {
    const expected = (undisturbed.get(name) ?? 0) + (name.startsWith('image ') ? newImages : 0)
    const found = after.get(name) ?? 0
    const isRight = name.startsWith('image ') ? found <= expected : found === expected
    return isRight ? [] : [`${found} instead of ${expected}: ${name}`]
  })
}

/** What a server is to be like after an operation, by what another one of its kind made of the same server. */
export function changedLike(before: Shape, example: { before: Shape; after: Shape }): Shape {
  const names = new Set([...before.keys(), ...example.before.keys(), ...example.after.keys()])
  const count = (shape: Shape, name: string) => shape.get(name) ?? 0
  return new Map([...names].map((name) => [name, count(before, name) + count(example.after, name) - count(example.before, name)]))
}
