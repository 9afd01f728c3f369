import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { rebootServer, resumeContainers } from '../../../drivers/servers/reboot.ts'
import type { ServiceStep } from '../../../drivers/services/contract-step.ts'

let root: string
const put = (name: string, content: string, mode = 0o644) => writeFile(join(root, name), content, { mode })
const said = async (name = 'log') => (await readFile(join(root, name), 'utf8').catch(() => '')).split('\n').filter(Boolean)

/** Docker with one container of each kind, as its state files have it; what it is told to do is noted. */
const docker = `#!/bin/bash
cd "$ROOT"
last=\${@: -1}
case "$1 $*" in
  ps\\ *keystone.environment*) cat running.application 2>/dev/null || true ;;
  ps\\ *keystone.service*) cat running.data 2>/dev/null || true ;;
  ps\\ *) cat all 2>/dev/null || true ;;
  inspect\\ *State.Status*) cat "state.$last" ;;
  inspect\\ *) shift 3; printf '%s\\n' "$@" ;;
  start\\ *) shift; echo "start $*" >>log; for id; do echo 'running healthy' >"state.$id"; done ;;
  *) echo "$*" >>log; [ ! -e "refuses.$1" ] ;;
esac
`
/** A reboot gives the machine another boot id and ends whatever runs. */
const systemctl = `#!/bin/bash
echo "systemctl $*" >>"$ROOT/log"
[ "$1" != reboot ] || [ -e "$ROOT/refuses.reboot" ] || { echo "next to $(<"$ROOT/boot-id")" >"$ROOT/boot-id"; kill -TERM "$PPID"; }
`

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'reboot-'))
  await mkdir(join(root, 'bin'))
  await put('bin/docker', docker, 0o755)
  await put('bin/systemctl', systemctl, 0o755)
  await put('boot-id', 'first\n')
})
afterEach(() => rm(root, { recursive: true, force: true }))

/** Runs a step as its wrapper does; the exit code is null where a signal has ended it. */
async function run({ script, inputs }: ServiceStep<unknown>, operation: string) {
  const folder = join(root, 'operations', operation, '1-step')
  await mkdir(folder, { recursive: true })
  const env = {
    ...{ ...process.env, ...inputs, PATH: `${join(root, 'bin')}:${process.env.PATH}`, ROOT: root, BOOT_ID_FILE: join(root, 'boot-id') },
    ...{ KEYSTONE_STEP_DIR: folder, KEYSTONE_RESULT: join(root, 'result'), SHUTDOWN_SECONDS: '0', TIMEOUT_SECONDS: '1' },
  }
  const child = spawn('/bin/bash', ['-euo', 'pipefail', '-c', script], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const [[code], out] = await Promise.all([once(child, 'exit'), text(child.stdout)])
  return { code: code as number | null, out }
}

const reboots = async () => (await said()).filter((line) => line === 'systemctl reboot').length

describe('a server that is told to restart', () => {
  it('ends applications before databases, restarts once, and is done when it is asked again after the boot', async () => {
    await put('running.application', 'web\nworker\n')
    await put('running.data', 'database\n')
    expect((await run(rebootServer('abc'), 'abc')).code).toBeNull()
    expect(await said()).toEqual([
      ...['update --restart always web worker', 'stop web worker', 'update --restart always database', 'stop database'],
      'systemctl reboot',
    ])
    expect(await run(rebootServer('abc'), 'abc')).toEqual({ code: 0, out: expect.stringContaining('The boot first was followed by next to first') })
    expect((await run(rebootServer('abc'), 'a-recovery-of-it')).code).toBe(0)
    expect(await reboots()).toBe(1)
  })

  it('restarts anew for another operation', async () => {
    await run(rebootServer('abc'), 'abc')
    expect((await run(rebootServer('def'), 'def')).code).toBeNull()
    expect(await reboots()).toBe(2)
  })

  it('goes on where it was ended before the reboot', async () => {
    await mkdir(join(root, 'operations', 'abc'), { recursive: true })
    await put('operations/abc/boot-id', 'first\n')
    expect((await run(rebootServer('abc'), 'abc')).code).toBeNull()
    expect(await reboots()).toBe(1)
  })

  it.each(['stop', 'reboot'])('and does not (%s is refused) starts again what it has ended, and says so', async (refused) => {
    await put('running.application', 'web\n')
    await put('all', 'web\n')
    await put(`refuses.${refused}`, '')
    expect((await run(rebootServer('abc'), 'abc')).code).toBe(1)
    expect((await said()).at(-1)).toBe('start web')
    expect(rebootServer('abc').explain?.(await readFile(join(root, 'result'), 'utf8'))).toMatchObject({ code: 'reboot_refused' })
  })
})

describe('containers after a reboot', () => {
  it('are as they were, and each that is to run is seen to be healthy; one that Docker did not start is started', async () => {
    await put('all', 'web\nold\n')
    await put('state.web', 'running healthy\n')
    await put('state.database', 'exited healthy\n')
    expect((await run(resumeContainers(['web', 'database']), 'abc')).code).toBe(0)
    expect(await said()).toEqual(['update --restart unless-stopped web old', 'start database'])
  })

  it.each([
    ['is gone', null, 'is gone'],
    ['does not get healthy', 'running unhealthy\n', 'it is running unhealthy'],
  ])('of which one %s are not back', async (_, state, message) => {
    if (state) await put('state.web', state)
    const step = resumeContainers(['web'])
    expect((await run(step, 'abc')).code).toBe(1)
    expect(step.explain?.(await readFile(join(root, 'result'), 'utf8'))).toMatchObject({ code: 'containers_not_back', message: expect.stringContaining(message) })
  })
})
