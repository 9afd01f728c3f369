import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type Operation, type OperationTree, stepsOf } from '../../stack/demo/operation.ts'
import { run } from '../lab/run.ts'
import { until } from '../lab/until.ts'
import { recordHistories } from './histories.ts'
import { openScene, type Sample, type Scene } from './scene.ts'
import { secretsSeen } from './secrets.ts'

/** An application that uses all that Keystone offers to Laravel: what it does at which moment is in its repository. */
let scene: Scene
let shop: Sample

const planted = 'build-secret-8c1f0d5a9e7b'
const webSettings = {
  migration: { mode: 'manual' },
  drainWindowSeconds: 3,
  persistentPaths: ['storage/app', 'uploads'],
  preSwitchCommands: ['sh deploy/before.sh', 'echo "before, with $QUEUE_CONNECTION"'],
  postSwitchCommands: ['sh deploy/after.sh'],
}

/** What the build saw is in files that the gateway serves, the secret as its hash. */
const buildScript = `
const { createHash } = require('node:crypto'), { mkdirSync, writeFileSync } = require('node:fs')
const { BUILD_TOKEN = '', VITE_GREETING = '' } = process.env
mkdirSync('public/build', { recursive: true })
writeFileSync('public/build/seen.txt', \`\${VITE_GREETING} \${createHash('sha256').update(BUILD_TOKEN).digest('hex')}\`)
`
const seenByComposer = `php -r "file_put_contents('public/composer-saw.txt', hash('sha256', getenv('BUILD_TOKEN')));"`

/** Goes on when it is told to. */
const slowMigration = `<?php

use Illuminate\\Database\\Migrations\\Migration;
use Illuminate\\Database\\Schema\\Blueprint;
use Illuminate\\Support\\Facades\\Schema;

return new class extends Migration
{
    public function up(): void
    {
        touch(storage_path('app/waiting'));
        while (! file_exists(storage_path('app/go'))) {
            usleep(100000);
        }
        Schema::create('slow', fn (Blueprint $table) => $table->id());
    }
};
`

/** Says that hardly anything is left of a server's disk. */
const fakeDf = '/usr/local/bin/df'

/** Notes where it runs in a folder that outlives it. */
const noting = (moment: string) => `echo "${moment} $(hostname) $KEYSTONE_COMMIT" >>storage/app/commands\necho "this is ${moment}"\n`
const push = (files: Record<string, string>) => scene.lab.gitHost.pushCommit(shop.repository, 'main', { files })
const deployed = (name: string) => scene.deployed(name, shop)
const page = async () => (await shop.ask('/')).body
const onServer = async (...argv: string[]) => (await scene.server.exec(argv)).trim()
const webContainer = () => onServer('sh', '-c', "docker ps --format '{{.Names}}' --filter 'name=^shop-production-web-[0-9a-f]*$'")
const inWeb = async (...argv: string[]) => onServer('docker', 'exec', await webContainer(), ...argv)
const names = (tree: OperationTree) => stepsOf(tree).map(({ name }) => name)
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

beforeAll(async () => {
  const sampleFile = (name: string) => readFile(join(import.meta.dirname, '../lab/app', name), 'utf8')
  const trustingNobody = (await sampleFile('bootstrap/app.php')).replace("trustProxies(at: '*')->", '')
  scene = await openScene({ name: 'laravel', alsoPulled: ['bun'] })
  shop = await scene.sample('shop', { web: webSettings, build: { assetBuild: 'bun', variables: { VITE_GREETING: "it's $5" } } })
  const { id } = scene.organisation
  await scene.keystone.client.put(`/organisations/${id}/environments/${shop.environmentId}/build-secrets/BUILD_TOKEN`, { value: planted })
  await scene.organisation.addService(shop.environmentId, { name: 'mail', role: 'worker', config: { queue: { processes: 2 } } })
  const composer = JSON.parse(await sampleFile('composer.json'))
  await push({
    'composer.json': JSON.stringify({ ...composer, scripts: { ...composer.scripts, 'post-install-cmd': seenByComposer } }),
    'package.json': JSON.stringify({ name: 'shop', private: true, scripts: { build: 'bun build.cjs' } }),
    'build.cjs': buildScript,
    'deploy/before.sh': noting('before'),
    'deploy/after.sh': noting('after'),
    'bootstrap/app.php': trustingNobody,
    'database/migrations/2026_02_01_000000_slow.php': slowMigration,
  })
  await scene.organisation.setVariable(shop.environmentId, 'APP_DEBUG', 'true')
  await onServer('sh', '-c', `printf '#!/bin/sh\\necho Avail\\necho 900\\n' >${fakeDf}; chmod 755 ${fakeDf}`)
}, 900_000)

afterAll(() => scene?.close())

it('a migration by hand is refused before anything is live', async () => {
  await expect(scene.organisation.migrate(shop.environmentId)).rejects.toMatchObject({ status: 409, code: 'not_deployed' })
})

describe('a deploy', () => {
  let tree: OperationTree

  it('runs the commands of the new version in containers of their own, before and after the switch', async () => {
    tree = await deployed('with commands')
    expect(tree).toMatchObject({ status: 'succeeded', outcome: 'deployed', failure: null })
    expect(names(tree)).toEqual(expect.arrayContaining(['pre-switch command 1', 'pre-switch command 2', 'post-switch command 1']))
    expect(names(tree)).not.toContain('migrate')
    const commit = /^commit (\w+)/m.exec(await page())?.[1]
    const noted = (await inWeb('cat', 'storage/app/commands')).split('\n').map((line) => line.split(' '))
    expect(noted.map(([moment, , of]) => [moment, of])).toEqual([['before', commit], ['after', commit]])
    const hosts = noted.map(([, host]) => host)
    expect(new Set([...hosts, await inWeb('hostname'), await onServer('hostname')]).size).toBe(4)
    expect(await onServer('docker', 'ps', '--all', '--quiet', '--filter', 'label=keystone.oneoff')).toBe('')
  })

  it('keeps what they said, with the variables that they had, as the log of their steps', async () => {
    const path = `/organisations/${scene.organisation.id}/operations/${tree.id}/logs`
    const text = await scene.keystone.client.text(path)
    expect(text).toContain('$ sh deploy/before.sh')
    expect(text).toContain('this is before')
    expect(text).toContain('before, with redis')
    expect(text).toContain('this is after')
  })

  it('builds with variables and secrets', async () => {
    expect((await shop.ask('/build/seen.txt')).body).toBe(`it's $5 ${sha256(planted)}`)
    expect((await shop.ask('/composer-saw.txt')).body).toBe(sha256(planted))
  })

  it('leaves the secret in no layer and not in the history of the image, and the variable in what was made from it alone', async () => {
    const image = await onServer('docker', 'inspect', '--format', '{{.Image}}', await webContainer())
    expect(await onServer('docker', 'history', '--no-trunc', image)).toMatch(/KEYSTONE_BUILD_INPUTS=[0-9a-f]{32}/)
    const count = (text: string) => onServer('sh', '-c', '{ docker history --no-trunc "$0"; docker image inspect "$0"; docker save "$0"; } | grep -acF -- "$1" || true', image, text)
    expect(await count(planted)).toBe('0')
    expect(Number(await count(sha256(planted)))).toBeGreaterThan(0)
  })

  it('starts as many processes of a worker as it is to have, in one container', async () => {
    const container = await onServer('sh', '-c', "docker ps --format '{{.Names}}' --filter 'name=^shop-production-mail-'")
    const processes = (await onServer('docker', 'top', container, '-eo', 'pid,args')).split('\n')
    expect(processes.filter((line) => / php artisan queue:work /.test(line) && !line.includes('keystone-workers'))).toHaveLength(2)
  })
})

describe('checks', () => {
  it('tell what should be otherwise, with the request that makes it so', async () => {
    const found = await scene.organisation.checks(shop.environmentId)
    expect(found.map(({ code }) => code)).toEqual(['debug_in_production', 'disk_nearly_full'])
    expect(found[1]?.message).toContain('900 MB of the disk of s1')
    await scene.keystone.client.put(found[0]!.request!.path, found[0]!.request!.body)
    await onServer('rm', fakeDf)
  })
})

describe('a migration by hand', () => {
  const migrate = () => scene.organisation.migrate(shop.environmentId)
  const oneOffs = () => onServer('docker', 'ps', '--all', '--format', '{{.Names}}', '--filter', 'label=keystone.oneoff')
  /** Begins one, and does this while it waits in its second part. */
  async function interrupted(work: (operation: Operation) => Promise<unknown>): Promise<OperationTree> {
    await inWeb('rm', '-f', 'storage/app/waiting')
    const operation = await migrate()
    await until('the slow migration to run', () => inWeb('ls', 'storage/app/waiting').then(() => true, () => false))
    await work(operation)
    return scene.ended(operation)
  }

  it('that is cancelled ends its container; what it has done to the database stays', async () => {
    expect((await shop.ask('/visits')).status).toBe(500)
    const tree = await interrupted(({ id }) => scene.organisation.cancel(id))
    await recordHistories(scene.keystone, 'migration-cancelled', tree)
    expect(tree).toMatchObject({ status: 'cancelled', failure: null })
    expect(await oneOffs()).toBe('')
    expect((await shop.ask('/visits')).status).toBe(200)
  })

  it('whose workflow is lost ends failed, and its container with it', async () => {
    const tree = await interrupted(({ temporal }) => scene.keystone.temporal.client.workflow.getHandle(temporal.workflowId).terminate('the test wants it'))
    expect(tree).toMatchObject({ status: 'failed', failure: { code: 'workflow_lost', message: expect.stringContaining('what it has done to the database stays') } })
    expect(await oneOffs()).toBe('')
  })

  it('runs the command with the image of what is live, also when the worker is killed meanwhile, and its log is kept', async () => {
    const tree = await interrupted(async () => {
      await scene.keystone.worker.end('SIGKILL')
      await scene.keystone.worker.start()
      await inWeb('touch', 'storage/app/go')
    })
    await recordHistories(scene.keystone, 'migration-by-hand', tree)
    expect(tree).toMatchObject({ kind: 'migration_run', status: 'succeeded', outcome: 'migrated', failure: null })
    expect(names(tree)).toEqual(['migrate'])
    const log = await scene.keystone.client.text(`/organisations/${scene.organisation.id}/operations/${tree.id}/logs`)
    expect(log).toMatch(/2026_02_01_000000_slow .* DONE/)
    expect(log).not.toContain('create_visits_table')
    expect(await oneOffs()).toBe('')
  })
})

describe('a command by hand', () => {
  const wordsWithSpaces = ['sh', '-c', 'echo "$1"', 'sh', "it's  two"]
  const runCommand = (command: string | readonly string[]) => scene.organisation.runCommand(shop.environmentId, { command })
  const logOf = ({ id }: OperationTree) => scene.keystone.client.text(`/organisations/${scene.organisation.id}/operations/${id}/logs.txt`)
  const oneOffs = () => onServer('docker', 'ps', '--all', '--format', '{{.Names}}', '--filter', 'label=keystone.oneoff')
  const waiting = 'touch storage/app/command-waits; while [ ! -e storage/app/command-goes ]; do sleep 0.1; done; echo it went on'
  /** Begins one that waits, and does this meanwhile. */
  async function interrupted(work: (operation: Operation) => Promise<unknown>): Promise<OperationTree> {
    await inWeb('rm', '-f', 'storage/app/command-waits', 'storage/app/command-goes')
    const operation = await runCommand(waiting)
    await until('the command to run', () => inWeb('ls', 'storage/app/command-waits').then(() => true, () => false))
    await work(operation)
    return scene.ended(operation)
  }

  it('runs with the image and the variables of what is live, and its output is the log', async () => {
    const tree = await scene.ended(await runCommand('php artisan about && echo "with $QUEUE_CONNECTION"'))
    expect(tree).toMatchObject({ kind: 'command_run', status: 'succeeded', outcome: 'exited with 0', failure: null })
    expect(names(tree)).toEqual(['command'])
    expect(await logOf(tree)).toMatch(/with \w+\n/)
    expect(await oneOffs()).toBe('')
  })

  it('gets its words as they are where no shell is to look at them', async () => {
    expect(await logOf(await scene.ended(await runCommand(wordsWithSpaces)))).toContain("it's  two\n")
  })

  it('that fails says with which exit code', async () => {
    const tree = await scene.ended(await runCommand('echo no >&2; exit 7'))
    expect(tree).toMatchObject({ status: 'failed', failure: { code: 'step_failed', exitCode: 7, step: 'command', tail: expect.stringContaining('no') } })
  })

  it('that is cancelled has its container ended', async () => {
    const tree = await interrupted(({ id }) => scene.organisation.cancel(id))
    await recordHistories(scene.keystone, 'command-cancelled', tree)
    expect(tree).toMatchObject({ status: 'cancelled', failure: null })
    expect(await oneOffs()).toBe('')
  })

  it('whose workflow is lost is not run again, and nobody says how far it came', async () => {
    const tree = await interrupted(({ temporal }) => scene.keystone.temporal.client.workflow.getHandle(temporal.workflowId).terminate('the test wants it'))
    expect(tree).toMatchObject({ status: 'failed', failure: { code: 'outcome_unknown' } })
    expect(await oneOffs()).toBe('')
  })

  it('goes on when the worker is killed meanwhile', async () => {
    const tree = await interrupted(async () => {
      await scene.keystone.worker.end('SIGKILL')
      await scene.keystone.worker.start()
      await inWeb('touch', 'storage/app/command-goes')
    })
    await recordHistories(scene.keystone, 'command-by-hand', tree)
    expect(tree).toMatchObject({ status: 'succeeded', outcome: 'exited with 0' })
    expect((await logOf(tree)).match(/^it went on$/gm)).toHaveLength(1)
    expect(await oneOffs()).toBe('')
  })
})

it('a persistent folder that the image does not have is the application\'s own', async () => {
  expect(await inWeb('sh', '-c', 'touch uploads/file && stat -c %U uploads uploads/file')).toBe('www-data\nwww-data')
})

describe('a command that fails', () => {
  it('before the switch fails the deploy, which says which one, how and what it said, and the version before stays', async () => {
    const before = await page()
    await push({ 'deploy/before.sh': 'echo "the search index is broken" >&2\nexit 7\n' })
    const tree = await deployed('with a command that fails')
    expect(tree).toMatchObject({
      status: 'failed',
      failure: { code: 'step_failed', step: 'pre-switch command 1', command: 'sh deploy/before.sh', exitCode: 7, server: 's1' },
    })
    expect(tree.failure?.tail).toContain('the search index is broken')
    expect(names(tree)).not.toContain('start web')
    expect(await page()).toBe(before)
  })

  it('and vanishes without an end is one whose outcome nobody knows', async () => {
    await push({ 'deploy/before.sh': 'touch storage/app/begun\nsleep 600\n' })
    const operation = await scene.organisation.deploy(shop.environmentId)
    await until('the command to run', async () => (await onServer('sh', '-c', 'docker ps --quiet --filter label=keystone.oneoff')) !== '')
    await until('it to have begun', () => inWeb('ls', 'storage/app/begun').then(() => true, () => false))
    await onServer('systemctl', 'kill', '--signal=KILL', `keystone-${operation.hash}-31`)
    await onServer('docker', 'rm', '--force', `keystone-${operation.hash}-pre-switch-command-1`)
    const tree = await scene.ended(operation)
    expect(tree).toMatchObject({ status: 'failed', failure: { code: 'outcome_unknown', step: 'pre-switch command 1', hint: expect.stringContaining('Look at its effects') } })
  })

  it('after the switch has traffic return to the version before, without a failed request', async () => {
    const before = await page()
    await push({ 'deploy/before.sh': 'true\n', 'deploy/after.sh': 'exit 9\n' })
    const statuses: (number | string)[] = []
    let isOver = false
    const asking = (async () => {
      while (!isOver) statuses.push(await shop.ask('/').then(({ status }) => status, String))
    })()
    const tree = await deployed('with a command that fails after the switch').finally(() => (isOver = true))
    await asking
    expect(tree).toMatchObject({ status: 'failed', failure: { step: 'post-switch command 1', exitCode: 9 } })
    expect(names(tree)).toContain('start web')
    expect(statuses.filter((status) => status !== 200)).toEqual([])
    expect(await page()).toBe(before)
    expect(tree.warnings).toEqual([expect.objectContaining({ code: 'disk_nearly_full' })])
    const { facts } = await scene.keystone.client.get(`/organisations/${scene.organisation.id}/servers/${scene.prepared.serverId}`, z.object({ facts: z.record(z.string(), z.string()) }))
    expect(facts).not.toHaveProperty('lowDiskMb')
  })
})

describe('behind a gateway with TLS', () => {
  it('the application sees https and the address of the client, whatever a client claims, also where it trusts no proxy', async () => {
    const { operation } = await scene.organisation.route(shop.environmentId, { domain: 'secure.test', tls: 'internal' })
    expect(await scene.ended(operation)).toMatchObject({ status: 'succeeded' })
    const visits = async () => {
      const headers = ['X-Forwarded-For: 198.51.100.7', 'X-Forwarded-Proto: http'].flatMap((header) => ['--header', header])
      const place = ['--resolve', `secure.test:443:${scene.server.address}`, 'https://secure.test/visits']
      const answer = await run(['curl', '--silent', '--show-error', '--fail', '--insecure', ...headers, ...place])
      return z.object({ client: z.string(), secure: z.boolean() }).parse(JSON.parse(answer))
    }
    const own = /\d+\.\d+\.\d+\.\d+/.exec(await run(['ip', 'route', 'get', scene.server.address]).then((line) => line.split('src ')[1] ?? ''))?.[0]
    expect(await visits()).toEqual({ client: own, secure: true })
  })
})

it('no secret has been left anywhere', async () => {
  expect((await secretsSeen(scene, { planted })).found).toEqual([])
})
