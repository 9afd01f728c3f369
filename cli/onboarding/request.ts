import { readFile } from 'node:fs/promises'
import type { OnboardingRequest } from '../client.ts'
import { CliError, exitCodes } from '../errors.ts'

type Fields = Record<string, unknown>

/** The body of a request with the fields that the user has named; those that are his may not be left out. Throws a CliError. */
export function filledBody({ body, yours }: Pick<OnboardingRequest, 'body' | 'yours'>, given: Fields): Fields {
  const missing = yours.filter((field) => !(field in given))
  if (missing.length > 0) throw new CliError(exitCodes.usage, `Only you know these: ${missing.map((field) => `${field}=…`).join(' ')}`)
  return { ...body, ...given }
}

/**
 * Fields as they are written in a command: `name=shop`, `port:=2222` for what is no text but JSON, `firstLogin.privateKey=@file` for what
 * is in a file, or on standard input where that is `@-`. Throws a CliError.
 */
export async function givenFields(words: readonly string[], input: () => Promise<string>): Promise<Fields> {
  const given: Fields = {}
  for (const word of words) {
    const [, path = '', isJson, text = ''] = /^([\w.]+)(:?)=(.*)$/s.exec(word) ?? []
    if (path === '') throw new CliError(exitCodes.usage, `${word} names no field: write field=value.`)
    const read = text.startsWith('@') ? await contentOf(text.slice(1), input) : text
    setField(given, path.split('.'), isJson ? parsed(word, read) : read)
  }
  return given
}

function setField(fields: Fields, [name = '', ...below]: readonly string[], value: unknown): void {
  if (below.length === 0) {
    fields[name] = value
    return
  }
  const inner: Fields = isFields(fields[name]) ? fields[name] : {}
  setField(inner, below, value)
  fields[name] = inner
}

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)

/** The line break at the end of a file is not part of a password or a token; a key ends with one. */
async function contentOf(path: string, input: () => Promise<string>): Promise<string> {
  const text = path === '-' ? await input() : await readFile(path, 'utf8').catch(() => refuse(`${path} cannot be read.`))
  return text.startsWith('-----BEGIN') ? text : text.replace(/\r?\n$/, '')
}

function parsed(word: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return refuse(`${word}: what is behind := is no JSON.`)
  }
}

function refuse(message: string): never {
  throw new CliError(exitCodes.usage, message)
}

/** How the request is made with `keystone init`: with examples for what only the user knows, and files for what nobody else may see. */
export function initCommand(step: string, { body, yours }: Pick<OnboardingRequest, 'body' | 'yours'>): string {
  const words = yours.flatMap((field) => fieldWords(field, body[field]))
  return ['keystone init', step, ...words].join(' ')
}

function fieldWords(path: string, value: unknown): string[] {
  if (isFields(value)) return Object.entries(value).flatMap(([name, inner]) => fieldWords(`${path}.${name}`, inner))
  if (isSecretField(path)) return [`${path}=@FILE`]
  return typeof value === 'string' ? [`${path}=${quoted(value)}`] : [`${path}:=${quoted(JSON.stringify(value))}`]
}

export const isSecretField = (path: string): boolean => /(?:^|\.)(?:token|password|privateKey)$/.test(path)

const quoted = (text: string): string => (/^[\w@%+=:,./-]*$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`)
