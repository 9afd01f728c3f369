import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { either, matchesTag, type Push, type PushTarget, saysSkip, together, verdictOn } from '../../domain/pushes.ts'

const target = (values: Partial<PushTarget> = {}): PushTarget => ({
  ...{ name: 'production', branch: 'main', deployOnPush: true, deployTags: null, isBuilt: true, triggerPaths: ['apps/shop'] },
  ...values,
})

const push = (values: Partial<Push> = {}): Push => ({
  ...{ ref: { kind: 'branch', name: 'main' }, before: 'a', after: 'b', commit: 'b', message: 'change', pusher: 'ada' },
  paths: { named: ['apps/shop/index.php'], areAll: true },
  ...values,
})

const docs = { named: ['docs/index.md', 'apps/shopping/a'], areAll: true }
const tag = (name: string) => push({ ref: { kind: 'tag', name } })
const codeOf = (pushed: Push, values: Partial<PushTarget> = {}, seen: string | null = null) => {
  const verdict = verdictOn(pushed, target(values), seen)
  return 'ignored' in verdict ? verdict.ignored.code : verdict
}

describe('a push', () => {
  it('is deployed where its branch is', () => {
    expect(codeOf(push())).toEqual({ deploys: 'head', condition: null })
    expect(codeOf(push({ ref: { kind: 'branch', name: 'next' } }))).toBe('other_branch')
    expect(codeOf(push(), { deployOnPush: false })).toBe('push_disabled')
    expect(codeOf(push(), { isBuilt: false })).toBe('built_elsewhere')
  })

  it.each(['[skip deploy]', 'Docs [Deploy Skip]\n\nmore'])('whose newest commit says %j is not', (message) => {
    expect(codeOf(push({ message }))).toBe('skip_requested')
  })

  it.each(['skip deploy', '[skip ci]', '[skip  deploy]'])('that says %j is', (message) => {
    expect(saysSkip(message)).toBe(false)
  })

  it('that changes nothing of what triggers is not, where that is known', () => {
    expect(codeOf(push({ paths: docs }))).toBe('outside_trigger_paths')
    expect(codeOf(push({ paths: docs }), {}, 'a')).toBe('outside_trigger_paths')
    expect(codeOf(push({ paths: docs }), { triggerPaths: ['.'] })).toEqual({ deploys: 'head', condition: null })
    expect(codeOf(push({ paths: docs }), { triggerPaths: ['docs'] })).toEqual({ deploys: 'head', condition: null })
    expect(codeOf(push({ paths: docs }), { triggerPaths: ['docs/index.md'] })).toEqual({ deploys: 'head', condition: null })
  })

  it('is compared by git where its list is cut, or a push before it is missing', () => {
    expect(codeOf(push({ paths: { ...docs, areAll: false } }))).toEqual({ deploys: 'head', condition: { since: ['a'], heedsSkip: false } })
    expect(codeOf(push({ paths: docs }), {}, '9')).toEqual({ deploys: 'head', condition: { since: ['a', '9'], heedsSkip: false } })
  })

  it('of a new branch has nothing to be compared with', () => {
    expect(codeOf(push({ before: null, paths: docs }))).toEqual({ deploys: 'head', condition: null })
  })
})

describe('a tag', () => {
  it('is deployed where such tags are, whatever its branch and its files', () => {
    expect(codeOf(tag('v1.0.0'))).toBe('tags_disabled')
    expect(codeOf(tag('v1.0.0'), { deployTags: 'v*' })).toEqual({ deploys: 'tag' })
    expect(codeOf(tag('v1.0.0'), { deployTags: 'v*', deployOnPush: false })).toEqual({ deploys: 'tag' })
    expect(codeOf(tag('beta-1'), { deployTags: 'v*' })).toBe('other_tag')
    expect(codeOf(push(), { deployTags: 'v*', deployOnPush: false })).toBe('push_disabled')
  })

  it('is matched as its pattern says, which regular expressions say too', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), maxLength: 6 })
    fc.assert(
      fc.property(text, text, (pattern, name) => {
        const expression = new RegExp(`^${pattern.split('*').map((part) => part.replaceAll('.', '\\.')).join('.*')}$`)
        expect(matchesTag(pattern, name)).toBe(expression.test(name))
      }),
      { numRuns: 2000 },
    )
  })
})

describe('two pushes that one deployment stands for', () => {
  const condition = (since: string[], heedsSkip = true) => ({ since, heedsSkip })

  it('are wanted in any case where one of them is', () => {
    expect([either(null, condition(['a'])), either(condition(['a']), null)]).toEqual([null, null])
  })

  it('else where something has changed since the beginning of either', () => {
    expect(either(condition(['a', 'b'], false), condition(['b', 'c']))).toEqual(condition(['a', 'b', 'c'], false))
  })

  it('come to the version of the later one, and a tag before it counts as a wish in any case', () => {
    const tagged = { tag: 'v1', commit: 'c' }
    expect(together({ condition: null }, tagged)).toEqual(tagged)
    expect(together(tagged, { condition: condition(['a']) })).toEqual({ condition: null })
    expect(together({ condition: condition(['a']) }, { condition: condition(['b']) })).toEqual({ condition: condition(['a', 'b']) })
  })
})
