import { open } from 'node:fs/promises'
import { watch, writeFileSync } from 'node:fs'
import { z } from 'zod'

/** A line of pino's, as far as it is read here; 50 is its level `error`. */
const errorLine = z.object({
  level: z.number().min(50),
  msg: z.string().default(''),
  err: z.object({ message: z.string() }).optional(),
})

/** Tells each error that is written to the log from now on. Returns what ends this. */
export function followErrors(path: string, tell: (line: string) => void): () => void {
  writeFileSync(path, '', { flag: 'a', mode: 0o600 })
  let offset = 0
  const readOn = async () => {
    const text = await readFrom(path, offset)
    const whole = text.subarray(0, text.lastIndexOf('\n') + 1)
    offset += whole.length
    for (const line of whole.toString().split('\n')) {
      const error = errorIn(line)
      if (error !== null) tell(error)
    }
  }
  let reading = Promise.resolve()
  const watcher = watch(path, () => {
    reading = reading.then(readOn).catch((error: unknown) => tell(`its log cannot be read: ${String(error)}`))
  })
  return () => watcher.close()
}

async function readFrom(path: string, offset: number): Promise<Buffer> {
  const file = await open(path)
  try {
    const { size } = await file.stat()
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - offset), 0, size - offset, offset)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

function errorIn(line: string): string | null {
  if (!line.startsWith('{')) return null
  try {
    const { data } = errorLine.safeParse(JSON.parse(line))
    return data ? [data.msg, data.err?.message].filter(Boolean).join(': ') : null
  } catch {
    return null
  }
}
