/** Finds the forms of secrets in raw bytes. */
export interface Matcher {
  /** The length of the longest form that starts here; 0 when none does. */
  longestAt(raw: Uint8Array, at: number): number
  /** Whether the bytes from here to their end are less than some form, but begin it. */
  mayBegin(raw: Uint8Array, at: number): boolean
}

/** Forms are looked up by their first two bytes, for a build's output is megabytes and the forms are hundreds. */
export function createMatcher(forms: readonly string[]): Matcher {
  const encoded = forms.map((form) => new TextEncoder().encode(form))
  const byFirstTwo: (Uint8Array[] | undefined)[] = Array.from({ length: 0x10000 })
  for (const form of encoded) (byFirstTwo[pairAt(form, 0)] ??= []).push(form)
  const candidates = (raw: Uint8Array, at: number) => (at + 1 < raw.length ? byFirstTwo[pairAt(raw, at)] ?? none : encoded)
  return {
    longestAt(raw, at) {
      let longest = 0
      for (const form of candidates(raw, at)) {
        if (form.length > longest && form.length <= raw.length - at && agree(form, raw, at)) longest = form.length
      }
      return longest
    },
    mayBegin: (raw, at) => candidates(raw, at).some((form) => form.length > raw.length - at && agree(form, raw, at)),
  }
}

const none: readonly Uint8Array[] = []

function pairAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}

/** Whether form and raw bytes are the same as far as both go. */
function agree(form: Uint8Array, raw: Uint8Array, at: number): boolean {
  const length = Math.min(form.length, raw.length - at)
  for (let index = 0; index < length; index += 1) {
    if (form[index] !== raw[at + index]) return false
  }
  return true
}
