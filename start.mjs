#!/usr/bin/env node
// Runs on a fresh clone, before anything is installed: plain JavaScript, Node's own modules only.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'

const root = import.meta.dirname
const neededNode = [20, 19]

/** The packages of a lock file by their folder; none where there is no such file. */
function packagesOf(lockFile) {
  try {
    return JSON.parse(readFileSync(join(root, lockFile), 'utf8')).packages
  } catch {
    return {}
  }
}

/** npm leaves a lock file of its own behind what it has installed; optional packages of other platforms are not in it. */
function isInstalled() {
  const installed = packagesOf('node_modules/.package-lock.json')
  return Object.entries(packagesOf('package-lock.json')).every(([folder, { version, optional }]) => {
    if (folder === '') return true
    return installed[folder] ? installed[folder].version === version : optional === true
  })
}

function install() {
  console.log('Installing packages with npm ci: once, about a minute')
  const npm = spawnSync('npm', ['ci', '--include=dev', '--no-audit', '--no-fund'], { cwd: root, stdio: 'inherit' })
  if (npm.status !== 0) fail(`npm ci failed (${npm.error?.message ?? `exit code ${npm.status}`})`)
}

function fail(why) {
  console.error(why)
  process.exit(1)
}

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < neededNode[0] || (major === neededNode[0] && minor < neededNode[1])) {
  fail(`Keystone needs Node ${neededNode.join('.')} or later, this is ${process.versions.node}: see https://nodejs.org`)
}
process.chdir(root)
if (!isInstalled()) install()
const { register } = await import('tsx/esm/api')
register()
await import('./stack/main.ts')
