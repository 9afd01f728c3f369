import type { Paint } from '../terminal.ts'

/** Rows below their headings, a line each; a dash stands for nothing. */
export function table(rows: readonly Readonly<Record<string, string | number | null>>[], paint: Paint): string {
  const [first] = rows
  if (!first) return 'None.\n'
  const headings = Object.keys(first)
  const cells = rows.map((row) => headings.map((heading) => String(row[heading] ?? '-')))
  const widths = headings.map((heading, column) => Math.max(heading.length, ...cells.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd()
  return [paint('dim', line(headings)), ...cells.map(line), ''].join('\n')
}
