import { extract } from 'tar-stream'
import { readInputs, remoteScript } from './call.ts'
import { expectThat, Violation } from './violation.ts'

const mains = { launch: remoteScript('launch.sh'), stop: remoteScript('stop.sh') }
const parts = {
  'place.sh': remoteScript('place.sh'),
  'step.sh': remoteScript('step.sh'),
  'step/wrapper.sh': remoteScript('wrapper.sh'),
}

/** A step's script with all that it is given. */
export interface StepParts {
  script: string
  inputs: Readonly<Record<string, string>>
  /** Text by absolute path. */
  files: ReadonlyMap<string, string>
  /** Text by name. */
  secrets: ReadonlyMap<string, string>
}

/** What came behind a call: a step to launch or to follow, or one to stop. */
export type Parcel = { main: 'launch'; boundary: string; parts: StepParts } | { main: 'stop' }

/** Unpacks a parcel and knows its main script by its very text. Throws a Violation on what is none. */
export async function readParcel(tar: Buffer): Promise<Parcel> {
  const entries = await unpack(tar)
  const entry = (path: string): string => {
    const text = entries.get(path)
    if (text === undefined) throw new Violation(`a parcel without ${path}`)
    return text
  }
  const main = entry('main.sh')
  if (main === mains.stop) return { main: 'stop' }
  expectThat(main === mains.launch, `an unknown main script: ${main.slice(0, 200)}`)
  for (const [path, text] of Object.entries(parts)) expectThat(entry(path) === text, `a parcel with another ${path}`)
  const below = (folder: string) =>
    new Map([...entries].flatMap(([path, text]) => (path.startsWith(folder) ? [[path.slice(folder.length), text]] : [])))
  return {
    main: 'launch',
    boundary: entry('boundary'),
    parts: { script: entry('step/script.sh'), inputs: readInputs(entry('step/inputs.sh')), files: below('files'), secrets: below('secrets/') },
  }
}

async function unpack(tar: Buffer): Promise<Map<string, string>> {
  const entries = new Map<string, string>()
  const unpacked = extract()
  unpacked.end(tar)
  for await (const entry of unpacked) {
    const chunks: Buffer[] = []
    for await (const chunk of entry as AsyncIterable<Buffer>) chunks.push(chunk)
    entries.set(entry.header.name, Buffer.concat(chunks).toString())
  }
  return entries
}
