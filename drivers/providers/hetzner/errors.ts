import { ProviderError, type ProviderErrorCode, type ProviderField } from '../errors.ts'
import { errorSchema } from './replies.ts'

export const label = 'Hetzner Cloud'

/** A code of the API (docs.hetzner.cloud, "Errors"): what it is to Keystone, and what people can do. */
const meanings: Readonly<Record<string, readonly [ProviderErrorCode, string]>> = {
  unauthorized: ['authentication_failed', 'the token is not known there: make a new one with Read & Write in the project, under Security'],
  token_readonly: ['token_read_only', 'the token may only read: make one with Read & Write in the project, under Security'],
  forbidden: ['access_denied', 'the token may not do that: make one with Read & Write in the project, and see that the project is not blocked'],
  resource_limit_exceeded: ['limit_reached', 'the project has as many of these as its account may have: remove one there, or have the limit raised, under Limits'],
  resource_unavailable: ['not_available', 'there is none to be had at the moment: choose another type or location, or try again later'],
  placement_error: ['not_available', 'there is no room for it at the moment: choose another type or location, or try again later'],
  invalid_server_type: ['not_offered', 'this type is not offered any more, or not there: choose another one of the catalogue'],
  unsupported_error: ['not_offered', 'this cannot be had together: choose another type, image or location'],
  uniqueness_error: ['name_taken', 'something else of the project has this name: rename it there'],
  protected: ['protected', 'it is protected against deletion: take the protection away there'],
  locked: ['busy', 'something is being done to it there: it is tried again'],
  conflict: ['busy', 'it was being changed at that moment: it is tried again'],
  resource_locked: ['access_denied', 'it is locked by Hetzner: ask their support'],
  rate_limit_exceeded: ['rate_limited', 'the project is asked too often (3600 times an hour are allowed): it is left alone for a while'],
  not_found: ['not_found', 'there is no such thing (any more)'],
  invalid_input: ['invalid_input', 'it does not accept this'],
  json_error: ['protocol_error', 'it cannot read what Keystone sends'],
  networks_overlap: ['invalid_input', 'the address ranges of the networks overlap: choose another private network'],
  no_subnet_available: ['limit_reached', 'the private network has no address left: choose another one'],
  deprecated_api_endpoint: ['protocol_error', 'this part of its API has gone: Keystone needs to be newer'],
  maintenance: ['unavailable', 'it is under maintenance: it is tried again'],
}

const fieldsByInput: Readonly<Record<string, ProviderField>> = {
  name: 'name',
  server_type: 'type',
  location: 'location',
  image: 'image',
  networks: 'privateNetwork',
}

/** The error that an answer tells of. Anything of 5xx, and whatever has no code there, may be gone the next time. */
export function errorOf(status: number, headers: Headers, body: unknown): ProviderError {
  const said = errorSchema.safeParse(body).data?.error
  const [code, advice] = meaningOf(status, said?.code)
  const correlation = headers.get('x-correlation-id')
  const details = [said ? `${said.code}: ${oneLine(said.message)}` : `status ${status}`, ...(correlation ? [`correlation id ${correlation}`] : [])]
  const field = said?.details?.fields?.map(({ name }) => fieldsByInput[name]).find((known) => known !== undefined)
  const retryAfterSeconds = code === 'rate_limited' ? waitOf(headers) : null
  return new ProviderError(code, `${label}: ${advice} (${details.join(', ')})`, { field, retryAfterSeconds })
}

function meaningOf(status: number, said: string | undefined): readonly [ProviderErrorCode, string] {
  const known = said === undefined ? undefined : meanings[said]
  if (known) return known
  if (status >= 500) return ['unavailable', 'it is out of order: it is tried again']
  if (status === 401) return ['authentication_failed', 'it does not accept the token: make a new one with Read & Write in the project, under Security']
  if (status === 403) return ['access_denied', 'the token may not do that: make one with Read & Write in the project']
  if (status === 404) return ['not_found', 'there is no such thing (any more)']
  if (status === 429) return ['rate_limited', 'it is asked too often: it is left alone for a while']
  if (said !== undefined && status < 500) return ['invalid_input', 'it refuses this']
  return ['protocol_error', 'it answers as no Hetzner Cloud API does: check the address']
}

/** Enough for all that a machine needs: one more request is allowed each second, while `RateLimit-Reset` is when all are. */
const longestWaitSeconds = 60

function waitOf(headers: Headers): number | null {
  const after = Number(headers.get('retry-after') ?? Number.NaN)
  if (Number.isFinite(after)) return Math.max(1, Math.ceil(after))
  const reset = Number(headers.get('ratelimit-reset') ?? Number.NaN)
  if (!Number.isFinite(reset)) return null
  return Math.min(longestWaitSeconds, Math.max(1, Math.ceil(reset - Date.now() / 1000)))
}

export const oneLine = (text: string): string => text.replaceAll(/\p{Cc}+/gu, ' ').slice(0, 300)
