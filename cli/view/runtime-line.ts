import { stripVTControlCharacters } from 'node:util'
import type { RuntimeLine } from '../client.ts'
import type { Paint } from '../terminal.ts'

/** As many characters at the end of a replica's id as tell it from the others. */
const shortId = 6

/** When, who and where, and what: `!` instead of `|` where it was standard error. What users made an application log draws nothing. */
export function runtimeLine({ at, service, replicaId, server, isScheduler, stream, text }: RuntimeLine, paint: Paint): string {
  const moment = at.replace(/(\.\d{3})\d*Z$/, '$1Z')
  const who = `${service}${isScheduler ? '/scheduler' : ''} ${replicaId.slice(-shortId)}@${server}`
  const shown = stripVTControlCharacters(text).replaceAll(/(?!\t)\p{Cc}/gu, '')
  return `${paint('dim', moment)} ${paint(stream === 'err' ? 'yellow' : 'cyan', who)} ${stream === 'err' ? '!' : '|'} ${shown}`
}
