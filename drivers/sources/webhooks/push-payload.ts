import { z } from 'zod'
import type { Push, Reason, Told } from '../../../domain/pushes.ts'

/** A commit or another object of git, by SHA-1 or SHA-256. */
export const objectId = z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/, 'must be a whole object id of git')

/** One line that can be stored. */
export const line = (longest: number) =>
  z.string().max(longest, `must have at most ${longest} characters`).regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must not contain control characters')

/** Git itself knows no longest name; Keystone's branches have at most 200 characters. */
export const refName = line(500)

const paths = z.array(z.string()).nullish().transform((listed) => listed ?? [])
const commit = z.object({ id: objectId, message: z.string(), added: paths, removed: paths, modified: paths })

/** What the pushes of GitHub and Gitea have in common. */
export const pushPayload = z.object({
  ref: refName,
  before: objectId,
  after: objectId,
  commits: z.array(commit).nullish().transform((listed) => listed ?? []),
  head_commit: z.object({ id: objectId, message: z.string() }).nullish(),
})
export type PushPayload = z.output<typeof pushPayload>

const isNone = (id: string): boolean => /^0+$/.test(id)

/** `refs/heads/a/b` is the branch `a/b`; null for what is neither branch nor tag. */
function namedRef(ref: string): Push['ref'] | null {
  const [, kind, name = ''] = /^refs\/(heads|tags)\/(.+)$/.exec(ref) ?? []
  return kind === undefined ? null : { kind: kind === 'heads' ? 'branch' : 'tag', name }
}

/** `isWhole`: the host says that it names every commit. A commit for which it names no file may have changed any. */
export function toldPush({ ref, before, after, commits, head_commit: head }: PushPayload, { pusher, isWhole }: { pusher: string; isWhole: boolean }): Told {
  const named = namedRef(ref)
  if (named === null) return { ignored: { code: 'other_ref', message: `${ref} is neither a branch nor a tag.` }, ref }
  if (isNone(after)) return { ignored: deleted(ref), ref }
  if (before === after) return { ignored: { code: 'nothing_moved', message: `${ref} is where it was: this is a test, and it has arrived.` }, ref }
  const files = commits.map(({ added, removed, modified }) => [...added, ...removed, ...modified])
  const areAll = isWhole && files.length > 0 && files.every(({ length }) => length > 0)
  return {
    push: {
      ...{ ref: named, before: isNone(before) ? null : before, after, pusher },
      ...{ commit: head?.id ?? after, message: head?.message ?? null },
      paths: { named: [...new Set(files.flat())], areAll },
    },
  }
}

const deleted = (ref: string): Reason => ({ code: 'ref_deleted', message: `${ref} was deleted: there is nothing to deploy of it.` })

/** What is sent beside pushes. */
export function notAPush(event: string): Told {
  const message = event === 'ping' ? 'Keystone can be reached; the first push will tell the rest.' : `The event ${event} starts nothing: only pushes do.`
  return { ignored: { code: event === 'ping' ? 'ping' : 'not_a_push', message }, ref: null }
}

const deletion = z.object({ ref: refName, ref_type: z.string().optional() })

/** A `delete`, whose ref is given without what is in front of it. */
export function toldDeletion(payload: unknown): Told {
  const { ref, ref_type: type } = deletion.parse(payload)
  const whole = `refs/${type === 'tag' ? 'tags' : 'heads'}/${ref}`
  return { ignored: deleted(whole), ref: whole }
}
