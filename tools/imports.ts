import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

interface Rule {
  /** Folders and files that may be imported; a room may always import itself. */
  may: readonly string[]
  /** Those that may be imported as types only. */
  types?: readonly string[]
  /** Goes into the workflow bundle: no Node modules and no zod there. */
  isBundled?: true
}

const forApi = ['drivers/temporal/', 'drivers/sources/', 'drivers/registries/', 'drivers/providers/', 'drivers/dns/', 'drivers/services/', 'drivers/secrets/']
const forServers = ['drivers/ssh/host-key.ts', 'drivers/ssh/errors.ts']

/** Who may look into whom (design section 2). The longest path that a file begins with is its room. */
const rules: Record<string, Rule> = {
  'domain/': { may: [], isBundled: true },
  'workflows/': { may: ['domain/'], types: ['activities/'], isBundled: true },
  'activities/': { may: ['domain/', 'drivers/', 'db/'] },
  // What a push comes to is refused for what a wish is refused for.
  'dispatcher/': { may: ['domain/', 'drivers/temporal/', 'db/', 'activities/undeployable.ts'] },
  'drivers/': { may: ['domain/'] },
  'db/': { may: ['domain/'] },
  // What is shown before an operation is started is computed by what the operation executes.
  'api/': {
    may: ['domain/', 'db/', 'activities/dry-run.ts', 'activities/undeployable.ts', ...forApi, ...forServers],
    types: ['drivers/ssh/remote.ts'],
  },
  'api/server.ts': { may: ['api/', 'db/', 'config.ts', 'drivers/'] },
  'cli/': { may: ['domain/'], types: ['api/'] },
  'stack/demo/': { may: ['stack/', 'domain/', 'db/', 'test/lab/index.ts'] },
  'stack/': { may: ['domain/', 'db/', 'drivers/temporal/', 'drivers/secrets/', 'config.ts'] },
  'config.ts': { may: ['domain/'], types: ['drivers/temporal/'] },
  'worker.ts': { may: ['domain/', 'db/', 'drivers/', 'activities/', 'dispatcher/', 'worker-monitor.ts', 'config.ts'] },
  'worker-monitor.ts': { may: [] },
}

const statement = /^(?:import|export)\s+(?<type>type\s)?(?:[^'";]*?\sfrom\s+)?'(?<from>[^']+)'|\bimport\('(?<dynamic>[^']+)'\)/gm

/** What the text of the file at `path`, relative to the root, imports against the rules; one line each. */
export function violations(path: string, text: string): string[] {
  const room = Object.keys(rules).sort((a, b) => b.length - a.length).find((prefix) => path.startsWith(prefix))
  const rule = room === undefined ? undefined : rules[room]
  if (room === undefined || !rule) return []
  return [...text.matchAll(statement)].flatMap(({ groups = {}, index }) => {
    const imported = groups.from ?? groups.dynamic ?? ''
    const isAllowed = imported.startsWith('.')
      ? mayImport(room, rule, join(dirname(path), imported), groups.type !== undefined)
      : !rule.isBundled || !/^(node:|zod$)/.test(imported)
    const line = text.slice(0, index).split('\n').length
    return isAllowed ? [] : [`${path}:${line} imports ${imported}, which ${room} may not`]
  })
}

function mayImport(room: string, { may, types = [] }: Rule, target: string, isType: boolean): boolean {
  return [room, ...may, ...(isType ? types : [])].some((prefix) => target.startsWith(prefix))
}

async function check(root: string): Promise<void> {
  const rooms = Object.keys(rules).filter((room) => existsSync(join(root, room)))
  const files = new Set((await Promise.all(rooms.map((room) => filesOf(root, room)))).flat())
  const found = await Promise.all([...files].map(async (path) => violations(path, await readFile(join(root, path), 'utf8'))))
  for (const line of found.flat()) console.error(line)
  process.exitCode = found.flat().length === 0 ? 0 : 1
}

async function filesOf(root: string, room: string): Promise<string[]> {
  if (!room.endsWith('/')) return [room]
  const names = await readdir(join(root, room), { recursive: true })
  return names.filter((name) => name.endsWith('.ts')).map((name) => join(room, name))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await check(join(import.meta.dirname, '..'))
