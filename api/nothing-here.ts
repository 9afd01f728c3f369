import type { RouterRoute } from 'hono/types'
import { Problem } from './problem.ts'

/** The methods that an address takes, sorted. */
export function methodsAt(routes: readonly RouterRoute[], address: string): string[] {
  const here = routes.filter(({ method, path }) => method !== 'ALL' && patternOf(path).test(address))
  const methods = here.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
  return [...new Set(methods)].toSorted()
}

const patternOf = (path: string): RegExp => new RegExp(`^${path.replaceAll(/:\w+/g, '[^/]+')}$`)

/** 404, or 405 with what the address takes instead (RFC 9110, section 15.5.6). */
export function nothingHere(methods: readonly string[]): Problem {
  if (methods.length === 0) return new Problem(404, 'not_found', 'There is nothing at this address: see /docs for what there is.')
  const allow = methods.join(', ')
  return new Problem(405, 'method_not_allowed', `This address takes ${allow}: see /docs for what they do.`, { headers: { allow } })
}
