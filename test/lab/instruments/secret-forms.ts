export type SecretForm = 'raw' | 'base64' | 'base64url' | 'URL-encoded' | 'JSON-escaped' | 'shell-quoted' | 'hex'

/** A string that gives a secret away. */
export interface Trace {
  /** The secret's name. */
  secret: string
  form: SecretForm
  text: string
}

const shortestSecret = 8

/** What a secret looks like raw and encoded, each line of it for itself. Throws where it is too short to be told from chance. */
export function tracesOf(secret: string, value: string): Trace[] {
  const lines = tellingLines(value)
  if (lines.length === 0) throw new Error(`${secret} is too short to be told from chance: under ${shortestSecret} characters`)
  const traces = lines.flatMap((line) => encodings(line).map(([form, text]) => ({ secret, form, text })))
  return [...new Map(traces.toReversed().map((trace) => [trace.text, trace])).values()].toReversed()
}

/** The first line of an OpenSSH key and the frame of every PEM are the same in all of them. */
function tellingLines(value: string): string[] {
  return value.split(/\r?\n/).filter((line) => line.length >= shortestSecret && !/^(-----|b3BlbnNzaC1rZXktdjE)/.test(line))
}

function encodings(line: string): [SecretForm, string][] {
  const bytes = Buffer.from(line)
  const inForm = new URLSearchParams({ '': line }).toString().slice(1)
  const json = JSON.stringify(line).slice(1, -1)
  const hex = bytes.toString('hex')
  const inBase64 = [0, 1, 2].map((offset) => base64At(bytes, offset))
  return [
    ['raw', line],
    ...inBase64.map((text): [SecretForm, string] => ['base64', text]),
    ...inBase64.map((text): [SecretForm, string] => ['base64url', text.replaceAll('+', '-').replaceAll('/', '_')]),
    ...[encodeURIComponent(line), inForm, inForm.replaceAll('+', '%20')].flatMap((text) => [text, lowerCodes(text)]).map(asUrl),
    ...[json, json.replaceAll('/', String.raw`\/`), byPhp(json), byGo(json), JSON.stringify(json).slice(1, -1)].map(asJson),
    ['shell-quoted', line.replaceAll("'", String.raw`'\''`)],
    ['hex', hex],
    ['hex', hex.toUpperCase()],
  ]
}

const asUrl = (text: string): [SecretForm, string] => ['URL-encoded', text]
const asJson = (text: string): [SecretForm, string] => ['JSON-escaped', text]

const lowerCodes = (url: string) => url.replace(/%../g, (code) => code.toLowerCase())

/** Go's encoder, so Docker's and Caddy's, escapes what HTML would read; PHP's slashes and what is not ASCII. */
const byGo = (json: string) => json.replace(/[<>&]/g, escaped)
const byPhp = (json: string) => json.replaceAll('/', String.raw`\/`).replace(/[\u0080-\uffff]/g, escaped)
const escaped = (sign: string) => String.raw`\u` + sign.charCodeAt(0).toString(16).padStart(4, '0')

/** The characters of base64 that depend on these bytes alone when `offset` others (0 to 2) stand before and any stand behind. */
function base64At(bytes: Uint8Array, offset: number): string {
  const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64')
  return encoded.slice(Math.ceil((offset * 4) / 3), Math.floor(((offset + bytes.length) * 4) / 3))
}
