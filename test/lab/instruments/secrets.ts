import { tracesOf, type SecretForm, type Trace } from './secret-forms.ts'

/** Where secrets are looked for. */
export interface SearchedPlace {
  /** Where each trace that occurs in it was seen. Throws where the place cannot be read. */
  search(traces: readonly Trace[]): Promise<Sighting[]>
}

export interface Sighting {
  trace: Trace
  /** As a person finds it: `/tmp/x on e2e-s1 (644 root)`. */
  place: string
}

export interface FoundSecret {
  /** Its name; a finding never repeats its value. */
  secret: string
  form: SecretForm
  place: string
}

export interface SecretScan {
  /** The values by name, 8 characters at least. */
  secrets: Readonly<Record<string, string>>
  places: readonly SearchedPlace[]
}

/** Every secret that occurs where it must not, raw or encoded, once for each form and place. */
export async function scanForSecrets({ secrets, places }: SecretScan): Promise<FoundSecret[]> {
  const traces = Object.entries(secrets).flatMap(([name, value]) => tracesOf(name, value))
  const sightings = (await Promise.all(places.map((place) => place.search(traces)))).flat()
  const found = sightings.map(({ trace: { secret, form }, place }) => ({ secret, form, place }))
  return [...new Map(found.map((finding) => [JSON.stringify(finding), finding])).values()]
}
