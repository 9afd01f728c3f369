import { z } from 'zod'
import type { Answer } from './exchange.ts'
import type { LoadOptions } from './report.ts'

/** What an answer told. */
export interface Told {
  commit?: string
  /** Id of a visit that was accepted. */
  visit?: number
  /** Paths that a page names. */
  assets?: string[]
}

/** Something that is asked for, and what makes its answer right. */
export interface Kind {
  name: string
  method: 'GET' | 'POST'
  path: string
  /** Its latency counts. */
  isTimed: boolean
  /** Beyond the timeout of any request. */
  extraSeconds?: number
  /** Throws WrongAnswer. */
  read(answer: Answer): Told
}

/** A whole answer that is not what was asked for. */
export class WrongAnswer extends Error {}

const visitSchema = z.object({ id: z.int() })

/** The sample application's home: which commit answers. */
export const home: Kind = {
  ...{ name: 'GET /', method: 'GET', path: '/', isTimed: true },
  read({ text }) {
    const commit = /^visits version .*\ncommit (\S+)\n/.exec(text)?.[1]
    if (commit === undefined) throw new WrongAnswer('it names no commit')
    return { commit }
  },
}

export const visit: Kind = {
  ...{ name: 'POST /visit', method: 'POST', path: '/visit', isTimed: true },
  read({ text }) {
    const accepted = visitSchema.safeParse(jsonIn(text))
    if (!accepted.success) throw new WrongAnswer('it has no id of a visit')
    return { visit: accepted.data.id }
  },
}

/** A visit whose job takes its time. */
export const longJob = ({ longJobSeconds }: LoadOptions): Kind => ({ ...visit, path: `/visit?seconds=${longJobSeconds}` })

export const page: Kind = {
  ...{ name: 'GET /page', method: 'GET', path: '/page', isTimed: true },
  read({ text }) {
    const assets = [...text.matchAll(/(?:href|src)="(\/build\/assets\/[^"]+)"/g)].map(([, path = '']) => path)
    if (!/<h1>Version .*<\/h1>/.test(text) || assets.length === 0) throw new WrongAnswer('it is no page that names assets')
    return { assets }
  },
}

/** An asset that a page names. `known` has the content of each path: a hashed name never has another one. */
export const asset = (path: string, known: Map<string, string>): Kind => ({
  ...{ name: 'GET asset', method: 'GET', path, isTimed: true },
  read({ text }) {
    const before = known.get(path) ?? text
    known.set(path, before)
    if (text === '' || text.startsWith('<') || text !== before) throw new WrongAnswer('it is not what the asset has to be')
    return {}
  },
})

/** A line a second, then the last one. */
export const slow = ({ slowSeconds }: LoadOptions): Kind => ({
  ...{ name: 'GET /slow', method: 'GET', path: `/slow?seconds=${slowSeconds}`, isTimed: false, extraSeconds: slowSeconds },
  read({ text }) {
    const lines = text.split('\n').slice(0, -1)
    const versions = new Set(lines.slice(0, -1).map((line) => /^second \d+ of version (.*)$/.exec(line)?.[1]))
    if (lines.at(-1) !== 'end') throw new WrongAnswer('its last line is missing')
    if (lines.length !== slowSeconds + 1 || versions.size !== 1) throw new WrongAnswer('lines of it are missing')
    return {}
  },
})

const lastLine = 'end\n'

/** So many megabytes, then the last line. */
export const download = ({ downloadMb }: LoadOptions): Kind => ({
  ...{ name: 'GET /download', method: 'GET', path: `/download?mb=${downloadMb}`, isTimed: false, extraSeconds: 2 * downloadMb },
  read({ length, tail }) {
    if (!tail.endsWith(lastLine)) throw new WrongAnswer('its last line is missing')
    const expected = downloadMb * 1024 * 1024 + lastLine.length
    if (length !== expected) throw new WrongAnswer(`it has ${length} bytes instead of ${expected}`)
    return {}
  },
})

/** The version that a part of an answer names. */
export const versionIn = (text: string): string | null => /version ([^\s<]+)/i.exec(text)?.[1] ?? null

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
