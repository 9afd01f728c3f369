import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { stateFolder } from './settings.ts'

/** Holds a lock of this machine during `work`, against other processes too; a process that dies loses its locks. */
export async function locked<T>(name: string, work: () => Promise<T>): Promise<T> {
  const folder = join(stateFolder, 'locks')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const holder = spawn('flock', [join(folder, name), 'sh', '-c', 'echo; read -r _'], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(holder, 'exit')
  await Promise.race([once(holder.stdout, 'data'), ended.then(() => Promise.reject(new Error(`no lock ${name}`)))])
  try {
    return await work()
  } finally {
    holder.stdin.end()
    await ended
  }
}
