import type { Keyring, SealedPlace } from './keyring.ts'
import { Secret } from './secret.ts'

type Credentials = Readonly<Record<string, Secret>>

/** Seals named secrets as one JSON object, e.g. `{ password }` of a slice. */
export function sealCredentials(keyring: Keyring, credentials: Credentials, place: SealedPlace): string {
  const plain = Object.fromEntries(Object.entries(credentials).map(([name, secret]) => [name, secret.reveal()]))
  return keyring.seal(new Secret(JSON.stringify(plain)), place)
}

/** The counterpart of `sealCredentials`; a column that was never sealed holds none. */
export function openCredentials(keyring: Keyring, sealed: string | null, place: SealedPlace): Credentials {
  if (sealed === null) return {}
  const plain: Record<string, string> = JSON.parse(keyring.open(sealed, place).reveal())
  return Object.fromEntries(Object.entries(plain).map(([name, text]) => [name, new Secret(text)]))
}
