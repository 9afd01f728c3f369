import { join } from 'node:path'
import { loadStackConfig } from '../config.ts'
import { bringUp, type Keystone } from './bring-up.ts'
import { openDataFolder } from './data-folder.ts'
import { runDemo } from './demo/demo.ts'
import { choosePorts } from './ports.ts'
import type { Say } from './say.ts'
import { openProcessFiles } from './supervision/process-files.ts'
import { createSupervisor } from './supervision/supervisor.ts'

/** How long everything runs, and what it begins with. */
export interface StartOptions {
  /** Resolves with the signal that ends it all. */
  told: Promise<string>
  /** Whether the sample application is deployed onto a throwaway server once everything is up. */
  isDemo: boolean
}

/** All of Keystone as one command: runs until it is told to end, then ends all that it has started. Returns the exit code. */
export async function start(env: NodeJS.ProcessEnv, { told, isDemo }: StartOptions, say: Say): Promise<number> {
  const config = loadStackConfig(env)
  const folder = await openDataFolder(config.dataDir)
  try {
    const files = await openProcessFiles(folder.path)
    await files.endOrphans(say)
    const ports = await choosePorts(join(folder.path, 'ports.json'), config.api.port, say)
    const supervisor = createSupervisor(files, say)
    try {
      const up = bringUp({ config, env, folder: folder.path, ports, supervisor, say })
      await Promise.race([isDemo ? up.then((at) => demo(at, say)) : up, told])
      say(`${await told}: ending. Operations that run go on at the next start`)
    } finally {
      await supervisor.stop()
    }
  } finally {
    await folder.release()
  }
  say('Ended')
  return Number(process.exitCode ?? 0)
}

/** A demo that fails leaves everything running, to be looked at. */
async function demo({ url, databaseUrl }: Keystone, say: Say): Promise<void> {
  try {
    await runDemo({ url, databaseUrl: databaseUrl.reveal(), say })
  } catch (error) {
    say(error instanceof Error ? error.message : String(error))
    process.exitCode = 1
  }
}
