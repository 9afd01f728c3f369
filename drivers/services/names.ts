/** `wished` as a plain lower-case identifier of at most `limit` characters, numbered where it is taken. */
export function freeIdentifier(wished: string, taken: readonly string[], limit: number): string {
  const plain = wished.toLowerCase().replace(/[^a-z0-9]+/g, '_').replace(/^[^a-z]+|_+$/g, '') || 'app'
  for (let number = 1; ; number += 1) {
    const suffix = number === 1 ? '' : `_${number}`
    const candidate = `${plain.slice(0, limit - suffix.length)}${suffix}`
    if (!taken.includes(candidate)) return candidate
  }
}
