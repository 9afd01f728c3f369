import { stripVTControlCharacters } from 'node:util'

/** Lines that stay below everything that is printed. */
export interface Screen {
  draw(lines: readonly string[]): void
  print(lines: readonly string[]): void
}

/** A line that does not fit is cut off: one that wrapped would be two when the cursor goes back. Of too many the last are seen. */
export function createScreen(write: (text: string) => void, size: () => { columns: number; rows: number }): Screen {
  let staying: readonly string[] = []
  let height = 0
  const redraw = (above: readonly string[]) => {
    const { columns, rows } = size()
    const seen = staying.slice(-Math.max(1, rows - 1)).map((line) => cut(line, columns))
    const up = height === 0 ? '' : `\x1b[${height}A`
    write(`${up}\r\x1b[J${[...above, ...seen].map((line) => `${line}\n`).join('')}`)
    height = seen.length
  }
  return {
    draw(lines) {
      staying = lines
      redraw([])
    },
    print: (lines) => lines.length > 0 && redraw(lines),
  }
}

/** Without its colours where it is cut. */
function cut(line: string, columns: number): string {
  const text = stripVTControlCharacters(line)
  return text.length < columns ? line : `${text.slice(0, Math.max(0, columns - 2))}…`
}
