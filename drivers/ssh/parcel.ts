import { readFileSync } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import { pack } from 'tar-stream'
import { revealed } from '../../domain/secret.ts'
import { SshError } from './errors.ts'
import { quote } from './quote.ts'
import type { RemoteFile } from './remote.ts'

const script = (name: string) => readFileSync(new URL(`./remote/${name}`, import.meta.url), 'utf8')

const bootstrap = script('bootstrap.sh')
const place = { path: 'place.sh', content: script('place.sh'), mode: 0o600 }
const step = { path: 'step.sh', content: script('step.sh'), mode: 0o600 }
const wrapper = { path: 'step/wrapper.sh', content: script('wrapper.sh'), mode: 0o600 }

const mains = {
  upload: { content: script('upload.sh'), needs: [place] },
  launch: { content: script('launch.sh'), needs: [place, step, wrapper] },
  stop: { content: script('stop.sh'), needs: [place, step] },
}

/** Packs a remote script and its parts into the tar stream for `parcelCommand`; paths are relative to its staging folder. */
export function packParcel(main: keyof typeof mains, parts: readonly RemoteFile[]): Promise<Buffer> {
  const tar = pack()
  const { content, needs } = mains[main]
  for (const part of [...parts, ...needs, { path: 'main.sh', content, mode: 0o600 }]) {
    tar.entry({ name: part.path, mode: part.mode }, revealed(part.content))
  }
  tar.finalize()
  return buffer(tar)
}

/** Unpacks a parcel from stdin, which may stay open behind it, and runs its main script with these arguments. */
export function parcelCommand(parcel: Buffer, args: readonly string[], { needsSudo }: { needsSudo: boolean }): string {
  const sudo = needsSudo ? ['sudo', '-n', '--'] : []
  return quote([...sudo, '/bin/bash', '-c', bootstrap, 'keystone', `${parcel.length}`, ...args])
}

/** Where a parcel carries files for absolute targets. Throws a SshError `invalid_input` on any other path. */
export function filesPart(server: string, files: readonly RemoteFile[]): RemoteFile[] {
  return files.map((file) => {
    if (!isPlainPath(file.path)) {
      throw new SshError('invalid_input', server, `${JSON.stringify(file.path)} is no absolute path of a file`)
    }
    return { ...file, path: `files${file.path}` }
  })
}

function isPlainPath(path: string): boolean {
  const [root, ...names] = path.split('/')
  const isPlain = (name: string) => name !== '' && name !== '.' && name !== '..' && !name.includes('\0')
  return root === '' && names.length > 0 && names.every(isPlain)
}
