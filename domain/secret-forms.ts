/** The texts in which a secret may turn up in output: as it is, line by line, and as tools print or send it. */

/** A name and password that are sent together, as in HTTP basic authentication. */
export type Credential = readonly [user: string, password: string]

/** Shorter values would mask ordinary words; the documentation tells users so. */
const shortestMasked = 6

/** Every form of the secrets and credentials, without duplicates; values under 6 characters are left out. */
export function secretForms(secrets: readonly string[], credentials: readonly Credential[] = []): string[] {
  const values = [...secrets, ...credentials.map(([, password]) => password)].map(asEncoded)
  const maskedCredentials = credentials.filter(([, password]) => password.length >= shortestMasked)
  const pairs = maskedCredentials.map(([user, password]) => `${user}:${password}`)
  const texts = values.flatMap((value) => [value, ...value.split(/\r?\n/)]).filter((text) => text.length >= shortestMasked)
  const forms = [...texts.flatMap(formsOf), ...pairs.flatMap(base64Forms)]
  return [...new Set(forms)].filter((form) => form.length >= shortestMasked)
}

/** As it can occur in bytes: half a surrogate pair has no form in UTF-8. */
function asEncoded(text: string): string {
  return new TextDecoder().decode(new TextEncoder().encode(text))
}

function formsOf(text: string): string[] {
  return [text, ...base64Forms(text), ...urlForms(text), ...jsonForms(text), ...shellForms(text)]
}

/** Base64 in either alphabet, also within something longer: signs that share bits with the neighbours are left off. */
function base64Forms(text: string): string[] {
  const bytes = new TextEncoder().encode(text)
  const forms = [0, 1, 2].map((shift) => {
    const encoded = base64([...[0, 0].slice(0, shift), ...bytes])
    const shared = (shift + bytes.length) % 3
    return encoded.replace(/=+$/, '').slice(shift === 0 ? 0 : shift + 1, shared === 0 ? undefined : -1)
  })
  const whole = base64([...bytes]).replace(/=+$/, '')
  return [whole, ...forms].flatMap((form) => [form, form.replaceAll('+', '-').replaceAll('/', '_')])
}

function base64(bytes: readonly number[]): string {
  return btoa(bytes.map((byte) => String.fromCharCode(byte)).join(''))
}

/** Per cent signs as JavaScript, as RFC 3986 and as HTML forms write them, in either case. */
function urlForms(text: string): string[] {
  const plain = encodeURIComponent(text)
  const strict = plain.replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
  const forms = [plain, strict, strict.replaceAll('%20', '+').replaceAll('~', '%7E')]
  return [...forms, ...forms.map((form) => form.replaceAll(/%../g, (code) => code.toLowerCase()))]
}

/** JSON as JavaScript writes it, and as PHP does: slashes escaped, characters beyond ASCII as \u. */
function jsonForms(text: string): string[] {
  const plain = JSON.stringify(text).slice(1, -1)
  const ascii = plain.replaceAll(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
  return [plain, ascii, plain.replaceAll('/', '\\/'), ascii.replaceAll('/', '\\/')]
}

/** Within single quotes, within double quotes, and escaped sign by sign (`printf %q`, `set -x`). */
function shellForms(text: string): string[] {
  return [
    text.replaceAll("'", `'\\''`),
    text.replaceAll(/["\\$`]/g, '\\$&'),
    text.replaceAll(/[^\w@%+=:,./\x80-\u{10ffff}-]/gu, '\\$&'),
  ]
}
