import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const folder = join(import.meta.dirname, '..', '..', 'fixtures', 'gitea-webhooks')

/** What the deliveries below are signed with. */
export const giteaSecret = 's3cr3t-lab'

export interface RecordedDelivery {
  headers: Headers
  body: Buffer
}

/** A delivery of a real Gitea; the name begins with its number. */
export function giteaDelivery(number: string): RecordedDelivery {
  const name = readdirSync(folder).find((file) => file.startsWith(`${number}-`) && file.endsWith('.body'))
  if (!name) throw new Error(`there is no delivery ${number}`)
  const [, ...lines] = readFileSync(join(folder, name.replace('.body', '.headers')), 'utf8').trim().split(/\r?\n/)
  const headers = lines.map((line): [string, string] => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()])
  return { headers: new Headers(headers), body: readFileSync(join(folder, name)) }
}
