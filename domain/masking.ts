import { createRedaction, type Redaction } from './redaction.ts'
import type { Secret } from './secret.ts'
import type { VariableLayer } from './variables.ts'

/** What of an environment's variables must not be seen in logs. */

const settingWords = new Set(
  [
    'production staging local testing development true false null',
    'database redis phpredis predis memcached file cookie array sync sqs beanstalkd dynamodb octane',
    'stack single daily stderr syslog errorlog slack debug info notice warning error critical alert emergency',
    'smtp ses mailgun postmark resend sendmail log public private pusher reverb ably localhost',
  ].flatMap((words) => words.split(' ')),
)

/**
 * A log is useless where common words are masked: Laravel's own plain settings are not secret, its key is; what a user sets is,
 * unless it is one of the words by which Laravel names its drivers and environments.
 */
export function maskedSecrets({ key, value, source }: VariableLayer<string | Secret>): Secret[] {
  if (typeof value === 'string') return []
  if (source === 'system') return key === 'APP_KEY' ? [value] : []
  const isPlainWord = source === 'user' && settingWords.has(value.reveal())
  return isPlainWord ? [] : [value]
}

/** Masks these values in all their forms. */
export const redactionOf = (secrets: readonly Secret[]): Redaction => createRedaction(secrets.flatMap((secret) => forms(secret.reveal())))

/** Laravel's APP_KEY is printed with and without its `base64:` prefix. */
const forms = (text: string): string[] => (text.startsWith('base64:') ? [text, text.slice('base64:'.length)] : [text])
