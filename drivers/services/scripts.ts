import { readFileSync } from 'node:fs'

/** The text of a script or template that lies beside the module at `base` (its `import.meta.url`). */
export const textBeside = (base: string, name: string): string => readFileSync(new URL(name, base), 'utf8')
