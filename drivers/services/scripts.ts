import { readFileSync } from 'node:fs'

/** The text of a script or template that lies beside the module at `base` (its `import.meta.url`). */
export const textBeside = (base: string, name: string): string => readFileSync(new URL(name, base), 'utf8')

/** What every script that looks at containers begins with: functions that wait for them, find them and stop them. */
export const containersScript = textBeside(import.meta.url, 'containers.sh')

/** Lists go to a script one entry a line; none of the entries can hold a line break. */
export function lines(entries: readonly string[]): string {
  return entries.join('\n')
}
