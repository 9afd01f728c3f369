const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', $: '\\$', '\n': '\\n', '\r': '\\r' }

/**
 * Renders a `.env` file from which Docker Compose's `env_file` gives every value to the container unchanged: double quotes,
 * since Compose knows no way to end a single-quoted value in a backslash. Throws a RangeError on a bad name or a NUL byte.
 */
export function renderDotenv(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables).map(([name, value]) => `${checkedName(name)}="${escaped(name, value)}"\n`).join('')
}

function checkedName(name: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new RangeError(`"${name}" is not the name of an environment variable`)
  return name
}

function escaped(name: string, value: string): string {
  if (value.includes('\0')) throw new RangeError(`the value of ${name} contains a NUL byte, which no environment can carry`)
  return value.replace(/[\\"$\n\r]/g, (character) => escapes[character] ?? character)
}
