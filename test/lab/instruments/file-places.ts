import { run } from '../run.ts'
import { runScript, type Exec, type LookedAt } from './looked-at.ts'
import type { SearchedPlace, Sighting } from './secrets.ts'
import type { Trace } from './secret-forms.ts'

interface FileSighting {
  trace: Trace
  path: string
  /** As `stat` prints it: 600. */
  mode: string
  owner: string
}

/** Files and folders of this machine, such as logs and Temporal's database, whatever their mode. */
export function localFiles(paths: readonly string[]): SearchedPlace {
  return {
    async search(traces) {
      const sightings = await searchFiles(run, traces, paths)
      return sightings.map((sighting) => shown(sighting, 'this machine'))
    },
  }
}

/** All files of a server but those that may keep a secret (`mayKeepSecrets`). */
export function serverFiles(server: LookedAt): SearchedPlace {
  return {
    async search(traces) {
      const sightings = await searchFiles(server.exec, traces)
      if (sightings.length === 0) return []
      const layers = (await runScript(server.exec, 'writable-layers')).split('\n').filter((path) => path !== '')
      const leaks = sightings.filter((sighting) => !mayKeepSecrets(sighting, layers))
      return leaks.map((sighting) => shown(sighting, server.container))
    },
  }
}

/** Files of others that keep secrets without being 0600, and nothing of Keystone's could change it. */
const ofOthers = [
  {
    pattern: /^\/var\/lib\/containerd\/io\.containerd\.metadata\.v1\.bolt\/meta\.db$/,
    reason: "containerd's table of containers, with their environment, in a folder of mode 0700",
  },
  {
    pattern: /^\/run\/containerd\/io\.containerd\.runtime\.v2\.task\/moby\/[^/]+\/config\.json$/,
    reason: 'the same of one container, in a folder of mode 0700',
  },
]

const neverWithSecrets = [
  /^\/home\/keystone\/operations\//, // a step's secrets are in /run/keystone
  /^\/var\/lib\/keystone\/operations\//,
  /^\/var\/lib\/docker\/(overlay2|image|buildkit)\//, // images, whoever may read them here: they may be pushed
]

/** A file that nobody but its owner reads: keystone's or root's, or in a container's own files and volumes any one's. */
function mayKeepSecrets({ path, mode, owner }: FileSighting, layers: readonly string[]): boolean {
  if (ofOthers.some(({ pattern }) => pattern.test(path))) return true
  if (mode !== '600' && mode !== '400') return false
  if ([...layers, '/var/lib/docker/volumes'].some((folder) => path.startsWith(`${folder}/`))) return true
  return (owner === 'keystone' || owner === 'root') && !neverWithSecrets.some((pattern) => pattern.test(path))
}

const shown = ({ trace, path, mode, owner }: FileSighting, machine: string): Sighting => ({
  trace,
  place: `${path} on ${machine} (${mode} ${owner})`,
})

async function searchFiles(exec: Exec, traces: readonly Trace[], paths: readonly string[] = []): Promise<FileSighting[]> {
  const byText = new Map(traces.map((trace) => [trace.text, trace]))
  const input = `${[...byText.keys()].join('\n')}\n`
  const lines = (await runScript(exec, 'search-files', { args: paths, input })).split('\n')
  return lines.flatMap((line) => {
    const [, mode = '', owner = '', path = '', text = ''] = /^(\S+) (\S+) ([^\0]*)\0(.*)$/.exec(line) ?? []
    const trace = byText.get(text)
    return trace ? [{ trace, path, mode, owner }] : []
  })
}
