/** Of one line, with its end. */
export const lineBytes = 100

/** What a step prints: so many numbered lines, all of the same length, no two alike. */
export function printedOutput(lines: number): string {
  return Array.from({ length: lines }, (_, number) => `${`line ${number} `.padEnd(lineBytes - 1, '.')}\n`).join('')
}
