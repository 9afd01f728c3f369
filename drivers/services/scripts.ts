import { readFileSync } from 'node:fs'

/** Shell functions of `healthy.sh`, to be put before a script that needs containers which Docker may still be starting. */
export const healthyScript = readFileSync(new URL('healthy.sh', import.meta.url), 'utf8')

/** The text of a script or template that lies beside the module at `base` (its `import.meta.url`). */
export const textBeside = (base: string, name: string): string => readFileSync(new URL(name, base), 'utf8')
