/**
 * Turns argv into one command line for a POSIX shell: every word arrives exactly as it is here, whatever it contains.
 * Throws a RangeError on a NUL byte, which no argv can carry.
 */
export function quote(argv: readonly string[]): string {
  return argv.map(quoteWord).join(' ')
}

function quoteWord(word: string): string {
  if (word.includes('\0')) throw new RangeError('a command argument contains a NUL byte')
  return `'${word.replaceAll("'", `'\\''`)}'`
}
