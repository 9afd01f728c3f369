/** What a push to a repository means for environments; whoever told of it. */

export const webhookProviders = ['gitea', 'github', 'generic'] as const
export type WebhookProvider = (typeof webhookProviders)[number]

/** A push to a branch or a tag, as a git host tells of it. */
export interface Push {
  ref: { kind: 'branch' | 'tag'; name: string }
  /** What the ref was at before; null where it is new. */
  before: string | null
  /** What it is at now: a commit, or the object of an annotated tag. */
  after: string
  /** The commit that the ref stands for now. */
  commit: string
  /** Of that commit; null where nobody said. */
  message: string | null
  /** Files that commits of the push change; `areAll` where there are surely no others. */
  paths: { named: readonly string[]; areAll: boolean }
  pusher: string
}

/** Why something starts nothing: a code for programs, and words for people. */
export interface Reason {
  code: string
  message: string
}

/** What a delivery tells: a push, or something after which there is nothing to deploy; `ref` as git writes it, null where it is about none. */
export type Told = { push: Push } | { ignored: Reason; ref: string | null }

/**
 * Under which a deployment of a branch's head is wanted at all, where only git can tell: something that triggers has changed since one of
 * these commits, and the head does not say that it is to be skipped, where that is heeded.
 */
export interface Condition {
  since: readonly string[]
  heedsSkip: boolean
}

/** What a push is deployed as: the head of the environment's branch when the deployment begins, or the commit of a tag. */
export type PushedVersion = { condition: Condition | null } | { tag: string; commit: string }

/** What one deployment brings that stands for two pushes: the version of the later one, for the reasons of both. */
export function together(earlier: PushedVersion, later: PushedVersion): PushedVersion {
  if ('tag' in later) return later
  return { condition: 'tag' in earlier ? null : either(earlier.condition, later.condition) }
}

/** Two wishes that one deployment stands for: null is a wish under any circumstances. */
export function either(one: Condition | null, other: Condition | null): Condition | null {
  if (one === null || other === null) return null
  return { since: [...new Set([...one.since, ...other.since])], heedsSkip: one.heedsSkip && other.heedsSkip }
}

/** What of an environment decides whether a push is deployed to it. */
export interface PushTarget {
  name: string
  branch: string
  deployOnPush: boolean
  /** Tags that are deployed, `*` standing for anything; null: none. */
  deployTags: string | null
  /** Whether Keystone builds its images. */
  isBuilt: boolean
  /** Files and folders of the repository whose changes are deployed; `.` is all of it. */
  triggerPaths: readonly string[]
}

/** What is to be deployed, or why nothing is. A tag stands for its commit, a branch for what its head is when the deployment begins. */
export type Verdict = { deploys: 'head'; condition: Condition | null } | { deploys: 'tag' } | { ignored: Reason }

/** Two hooks, or a hook and a person, tell of one push in different words. */
export const toldBefore: Reason = { code: 'told_before', message: 'Another delivery has told of this very push.' }

const ignored = (code: string, message: string): { ignored: Reason } => ({ ignored: { code, message } })

/** `[skip deploy]` or `[deploy skip]`, in any case. */
export const saysSkip = (message: string): boolean => /\[(?:skip deploy|deploy skip)\]/i.test(message)

/** Decides about one environment; `seen` is what the branch was at by the newest delivery before, null where nobody knows. */
export function verdictOn(push: Push, target: PushTarget, seen: string | null): Verdict {
  const { name, branch, deployOnPush, isBuilt } = target
  const refusal = push.ref.kind === 'tag' ? tagRefusal(push.ref.name, target) : branchRefusal(push.ref.name, target)
  if (refusal) return refusal
  if (!isBuilt) return ignored('built_elsewhere', `The image of ${name} is built elsewhere: deploy it when that has been done.`)
  if (push.ref.kind === 'tag') return { deploys: 'tag' }
  if (!deployOnPush) return ignored('push_disabled', `${name} is not deployed on pushes: set deployOnPush to change that.`)
  if (push.message !== null && saysSkip(push.message)) return ignored('skip_requested', `The newest commit on ${branch} asks not to be deployed.`)
  return changeVerdict(push, target, seen)
}

function tagRefusal(tag: string, { name, deployTags }: PushTarget) {
  if (deployTags === null) return ignored('tags_disabled', `${name} is not deployed on tags: set deployTags to change that.`)
  return matchesTag(deployTags, tag) ? null : ignored('other_tag', `${name} is deployed on tags such as ${deployTags}, and this is ${tag}.`)
}

const branchRefusal = (pushed: string, { name, branch }: PushTarget) =>
  pushed === branch ? null : ignored('other_branch', `${name} is deployed from ${branch}, and this is a push to ${pushed}.`)

/** `*` stands for any characters. */
export function matchesTag(pattern: string, tag: string): boolean {
  const [first = '', ...rest] = pattern.split('*')
  if (rest.length === 0) return tag === pattern
  const last = rest.pop() ?? ''
  if (!tag.startsWith(first) || tag.length < first.length + last.length || !tag.endsWith(last)) return false
  const end = tag.length - last.length
  let at = first.length
  for (const part of rest) {
    const found = tag.indexOf(part, at)
    if (found === -1 || found + part.length > end) return false
    at = found + part.length
  }
  return true
}

/**
 * A path that triggers decides at once. That none does is only known where all are named and no push before this one is missing: else git
 * compares (a host cuts long lists short).
 */
function changeVerdict({ before, paths }: Push, { name, triggerPaths }: PushTarget, seen: string | null): Verdict {
  const always = { deploys: 'head' as const, condition: null }
  if (before === null || triggerPaths.includes('.') || paths.named.some((path) => isWithin(path, triggerPaths))) return always
  const isGapless = seen === null || seen === before
  if (paths.areAll && isGapless) {
    return ignored('outside_trigger_paths', `Nothing in ${triggerPaths.join(', ')} has changed, which is what ${name} is deployed for.`)
  }
  return { deploys: 'head', condition: { since: isGapless ? [before] : [before, seen], heedsSkip: false } }
}

/** Whether a file is one of these, or lies in one of these folders. */
const isWithin = (path: string, roots: readonly string[]): boolean => roots.some((root) => root === '.' || path === root || path.startsWith(`${root}/`))

/** What an environment is deployed for: what it says itself, else the folder of its application. */
export const triggerPathsOf = (environment: { triggerPaths: readonly string[] }, application: { projectRoot: string }): readonly string[] =>
  environment.triggerPaths.length > 0 ? environment.triggerPaths : [application.projectRoot]
