import { runScript, type LookedAt } from './looked-at.ts'
import type { SearchedPlace } from './secrets.ts'

/** Texts by name: histories of workflows as JSON, dumps of databases, answers of the API, lines of a log. */
export function texts(named: Readonly<Record<string, string>>): SearchedPlace {
  return {
    async search(traces) {
      const seenIn = ([place, text]: [string, string]) =>
        traces.filter((trace) => text.includes(trace.text)).map((trace) => ({ trace, place }))
      return Object.entries(named).flatMap(seenIn)
    },
  }
}

/** All fields of a server's journal, command lines included. */
export const serverJournal = (server: LookedAt) =>
  read(async () => {
    const journal = await server.exec(['journalctl', '--no-pager', '--all', '--output', 'export'])
    return { [`journal of ${server.container}`]: journal }
  })

/** The command lines of a server's processes, those in its containers included. */
export const serverProcesses = (server: LookedAt) =>
  read(async () => ({ [`processes of ${server.container}`]: await server.exec(['ps', '-eww', '--no-headers', '-o', 'args']) }))

/**
 * How a server's images were made and are configured, and how its containers are; not the environment of containers, which Docker
 * always shows to whoever may use it.
 */
export const dockerConfigs = (server: LookedAt) =>
  read(async () => {
    const lines = (await runScript(server.exec, 'docker-configs')).split('\n').filter((line) => line !== '')
    return Object.fromEntries(lines.map((line, index) => namedConfig(line, `${index + 1} on ${server.container}`)))
  })

function namedConfig(line: string, suffix: string): [string, string] {
  const [name = '', json = ''] = line.split('\t')
  return [`${name} (line ${suffix})`, name.startsWith('container ') ? withoutEnvironment(json) : json]
}

function withoutEnvironment(json: string): string {
  const config: unknown = JSON.parse(json, (key, value: unknown) => (key === 'Env' ? undefined : value))
  return JSON.stringify(config)
}

const read = (named: () => Promise<Record<string, string>>): SearchedPlace => ({
  search: async (traces) => texts(await named()).search(traces),
})
