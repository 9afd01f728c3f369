import { createHash, randomBytes } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { Secret } from '../../../../domain/secret.ts'
import { applyFirewall } from '../../../../drivers/servers/firewall.ts'
import { createUser } from '../../../../drivers/servers/preparation.ts'
import { verifyServer } from '../../../../drivers/servers/verification.ts'
import { pullImage } from '../../../../drivers/services/image.ts'
import type { ServiceStep } from '../../../../drivers/services/contract-step.ts'
import { generateDeployKey } from '../../../../drivers/sources/deploy-key.ts'
import { createSshPool } from '../../../../drivers/ssh/pool.ts'
import type { DurableStep, ServerTarget, SshPool, StepChunk, StepPosition } from '../../../../drivers/ssh/remote.ts'
import type { Behaviour } from '../behaviour.ts'
import { remoteScript } from './call.ts'
import { openSimulatedServer, type SimulatedServer } from './ssh-server.ts'
import { newTally, type Tally } from './tally.ts'

const privateAddress = '10.77.0.3'
const rootKey = generateDeployKey('root')
const managementKey = generateDeployKey('keystone')

const atOnce: Behaviour = {
  ...{ seed: 1, refusedShare: 0, droppedShare: 0 },
  latencyMilliseconds: { least: 0, most: 0 },
  stepMilliseconds: { least: 20, most: 20 },
}

let tally: Tally
let server: SimulatedServer
let pool: SshPool
let open: { close(): Promise<void> }[] = []

afterEach(async () => {
  for (const one of open.reverse()) await one.close()
  open = []
})

async function openServer(behaviour: Partial<Behaviour> = {}): Promise<void> {
  tally = newTally()
  const wished = { number: 1, name: 's001', privateAddress, rootPublicKey: rootKey.publicKey }
  server = await openSimulatedServer(wished, { behaviour: { ...atOnce, ...behaviour }, tally })
  open.push(server)
  pool = newPool()
}

function newPool(): SshPool {
  const made = createSshPool({ idleCloseSeconds: 60, keepaliveSeconds: 5, connectTimeoutSeconds: 20 })
  open.push(made)
  return made
}

function target(user: 'root' | 'keystone'): ServerTarget {
  const { port, hostKey } = server
  const { privateKey } = user === 'root' ? rootKey : managementKey
  return { serverId: 's001', name: 's001', address: '127.0.0.1', port, user, hostKey, privateKey }
}

const prepare = createUser(managementKey.publicKey)
const verify = verifyServer({ privateAddress })

function durable(step: Omit<ServiceStep<unknown>, 'parse'>, user: 'root' | 'keystone' = 'keystone'): DurableStep {
  return { ...step, hash: randomBytes(6).toString('hex'), order: 10, user }
}

/** Runs a step to its end, and keeps what it said. */
async function run(step: DurableStep, login: 'root' | 'keystone' = 'keystone', stored: StepPosition | null = null, through = pool) {
  const said: StepChunk[] = []
  const observer = { stored, signal: new AbortController().signal, onChunk: async (chunk: StepChunk) => void said.push(chunk) }
  const outcome = await through.to(target(login)).step(step, observer)
  return { ...outcome, said, text: Buffer.concat(said.map(({ bytes }) => bytes)).toString() }
}

/** Where this fails: `session.ts` and `steps.ts` have to do what the scripts do now. */
it('was written after these scripts', () => {
  const scripts = ['bootstrap.sh', 'launch.sh', 'step.sh', 'stop.sh', 'wrapper.sh'].map(remoteScript)
  expect(createHash('sha256').update(scripts.join('')).digest('hex')).toBe('ebf9bf70bd2af815abc59a689d94f3abb488fa70798e1104c9792f168c864229')
})

describe('a simulated server', () => {
  it('lets Keystone in once it is prepared, and tells what it is', async () => {
    await openServer()
    await expect(run(durable(verify))).rejects.toMatchObject({ code: 'authentication_failed' })
    expect(await run(durable(prepare, 'root'), 'root')).toMatchObject({ run: 1, exitCode: 0, text: expect.stringContaining('Creating the user keystone') })
    const { result } = await run(durable(verify))
    expect(verify.parse(result)).toMatchObject({ architecture: 'amd64', facts: { cpus: '2' } })
    expect(tally).toMatchObject({ steps: 2, reattached: 0, violations: [] })
  })

  it('keeps a step for whoever comes later, from the bytes that are stored', async () => {
    await openServer()
    const step = durable(prepare, 'root')
    const { text, result } = await run(step, 'root')
    const again = await run(step, 'root', { run: 1, out: 10, err: 0 }, newPool())
    expect(again).toMatchObject({ run: 1, exitCode: 0, result, text: text.slice(10), said: [expect.objectContaining({ offset: 10 })] })
    expect(tally).toMatchObject({ steps: 1, reattached: 1 })
  })

  it('goes on with a step whose caller has gone, and starts it once', async () => {
    await openServer({ stepMilliseconds: { least: 300, most: 300 } })
    const step = durable(prepare, 'root')
    const first = newPool()
    const lost = run(step, 'root', null, first)
    await expect.poll(() => tally.steps).toBe(1)
    await Promise.all([first.close(), expect(lost).rejects.toMatchObject({ code: 'connection_lost' })])
    expect(await run(step, 'root')).toMatchObject({ run: 1, exitCode: 0 })
    expect(tally).toMatchObject({ steps: 1, reattached: 1, violations: [] })
  })

  it('ends a step that is stopped, for good', async () => {
    await openServer({ stepMilliseconds: { least: 60_000, most: 60_000 } })
    const step = durable(prepare, 'root')
    const running = run(step, 'root')
    await expect.poll(() => tally.steps).toBe(1)
    await pool.to(target('root')).stopStep(step)
    expect(await running).toMatchObject({ exitCode: 143 })
    expect(await run(step, 'root')).toMatchObject({ exitCode: 143 })
    expect(tally.steps).toBe(1)
  })

  it('breaks connections off, and what runs goes on', async () => {
    await openServer({ droppedShare: 1, stepMilliseconds: { least: 500, most: 500 } })
    const step = durable(prepare, 'root')
    await expect(run(step, 'root')).rejects.toMatchObject({ code: 'connection_lost' })
    await expect.poll(() => run(step, 'root').catch(() => null)).toMatchObject({ run: 1, exitCode: 0 })
    expect(tally.steps).toBe(1)
    expect(tally.dropped).toBeGreaterThan(0)
  })

  it('refuses connections as it is told', async () => {
    await openServer({ refusedShare: 1 })
    await expect(run(durable(prepare, 'root'), 'root')).rejects.toMatchObject({ code: 'unreachable', retryable: true })
    expect(tally).toMatchObject({ connections: 1, refused: 1, steps: 0 })
  })

  it('fails loudly at a step, inputs or rules that no server of its kind would understand', async () => {
    await openServer()
    await run(durable(prepare, 'root'), 'root')
    expect(await run(durable({ ...verify, name: 'dance' }))).toMatchObject({ exitCode: 1, text: expect.stringContaining('no step of this name') })
    expect(await run(durable({ ...verify, inputs: {} }))).toMatchObject({ exitCode: 1, text: expect.stringContaining('MINIMUM_DOCKER') })
    const foreign = applyFirewall({ revision: 1, privateAddress: '10.77.0.99', openPorts: [] })
    expect(await run(durable(foreign))).toMatchObject({ exitCode: 1 })
    const unknown = pullImage(`127.0.0.1:1/shop@sha256:${'0'.repeat(64)}`, new Secret('{"auths":{}}'))
    expect(await run(durable(unknown))).toMatchObject({ exitCode: 1, text: expect.stringContaining('no login') })
    expect(tally.violations).toHaveLength(4)
  })
})
