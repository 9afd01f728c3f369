import { describe, expect, it } from 'vitest'
import { failure, operationRunner } from './run-operation.ts'

const runOperation = operationRunner()

const server = { id: 'server', name: 's1', managementKeyPublic: 'ssh-ed25519 AAAA' }

/** Runs what makes a server ready, or hardens a ready one; what is done side by side is told in alphabetical order. */
async function run(others: Record<string, (input: { attempt: number }) => Promise<unknown>> = {}, workflow = 'server_provision') {
  const does = {
    planProvisioning: async () => ({ ...server, login: 'adoption' }),
    planHardening: async () => ({ ...server, login: 'management' }),
    reachServer: async () => ({ keystoneAddress: '192.0.2.1', port: 22 }),
    awaitSystem: async () => {},
    createUser: async () => {},
    handOver: async () => {},
    installPackages: async () => {},
    installDocker: async () => {},
    banAttackers: async () => {},
    keepUpToDate: async () => {},
    planFirewalls: async () => [{ serverId: 'server', serverName: 's1', revision: 1 }],
    applyFirewall: async () => {},
    closeAccess: async () => {},
    proveAccess: async () => true,
    verifyServer: async () => {},
    beginConvergence: async () => ({ isCommitted: false, leftovers: { environmentId: null, servers: [], gateways: [], replicas: [], artifacts: [] } }),
    endConvergence: async () => {},
    ...others,
  }
  const noteOf = (name: string, { attempt }: { attempt?: number }) => (attempt === undefined ? name : `${name} ${attempt}`)
  const { asked, ending } = await runOperation(workflow, does, { noteOf })
  const sideBySide = new Set(['banAttackers', 'installDocker', 'keepUpToDate'])
  const first = asked.findIndex((name) => sideBySide.has(name))
  const before = first === -1 ? asked : asked.slice(0, first)
  return { did: [...before, ...asked.filter((name) => sideBySide.has(name)).toSorted(), ...asked.slice(before.length + sideBySide.size)], ending }
}

const ruled = ['installPackages', 'banAttackers', 'installDocker', 'keepUpToDate', 'planFirewalls', 'applyFirewall']
const prepared = ['planProvisioning', 'reachServer', 'awaitSystem', 'createUser', 'handOver', ...ruled]

it('a server is prepared, closed, entered anew and verified', async () => {
  const { did, ending } = await run()
  expect(did).toEqual([...prepared, 'closeAccess 0', 'proveAccess 0', 'verifyServer'])
  expect(ending).toEqual({ status: 'succeeded', outcome: 'active' })
})

it('a server that has opened again meanwhile is closed once more', async () => {
  const { did, ending } = await run({ proveAccess: async ({ attempt }) => attempt === 1 })
  expect(did).toEqual([...prepared, 'closeAccess 0', 'proveAccess 0', 'closeAccess 1', 'proveAccess 1', 'verifyServer'])
  expect(ending).toMatchObject({ status: 'succeeded' })
})

it('a server that is never come into in time stays open, and is not taken for ready', async () => {
  const { did, ending } = await run({ proveAccess: async () => false })
  expect(did.slice(prepared.length + 4)).toEqual(['closeAccess 2', 'proveAccess 2', 'beginConvergence', 'endConvergence'])
  expect(ending).toMatchObject({ status: 'failed', failure: { code: 'access_not_proven', server: 's1', hint: expect.any(String) } })
})

it('nothing is begun on a server that cannot be logged in to', async () => {
  const { did, ending } = await run({ reachServer: async () => Promise.reject(failure('ssh_password_refused')) })
  expect(did).toEqual(['planProvisioning', 'reachServer', 'beginConvergence', 'endConvergence'])
  expect(ending).toMatchObject({ status: 'failed', failure: { code: 'ssh_password_refused' } })
})

describe('a server that is hardened', () => {
  const harden = (others: Parameters<typeof run>[0] = {}) => run(others, 'server_harden')
  const hardened = ['planHardening', 'reachServer', 'awaitSystem', ...ruled]

  it('gets the rules of a new one, over the login that it has', async () => {
    const { did, ending } = await harden()
    expect(did).toEqual([...hardened, 'closeAccess 0', 'proveAccess 0', 'verifyServer'])
    expect(ending).toEqual({ status: 'succeeded', outcome: 'hardened' })
  })

  it('is left alone where it has not been made ready', async () => {
    const { did, ending } = await harden({ planHardening: async () => Promise.reject(failure('server_not_ready')) })
    expect(did).toEqual(['planHardening', 'beginConvergence', 'endConvergence'])
    expect(ending).toMatchObject({ status: 'failed', failure: { code: 'server_not_ready' } })
  })

  it('and is never come into in time is as it was before', async () => {
    const { did, ending } = await harden({ proveAccess: async () => false })
    expect(did.slice(hardened.length + 4)).toEqual(['closeAccess 2', 'proveAccess 2', 'beginConvergence', 'endConvergence'])
    expect(ending).toMatchObject({ status: 'failed', failure: { code: 'access_not_proven', server: 's1' } })
  })
})
