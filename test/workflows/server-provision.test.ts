import { expect, it } from 'vitest'
import { failure, operationRunner } from './run-operation.ts'

const runOperation = operationRunner()

/** Runs `server_provision`; what is done side by side is told in alphabetical order. */
async function run(others: Record<string, (input: { attempt: number }) => Promise<unknown>> = {}) {
  const does = {
    planProvisioning: async () => ({ id: 'server', name: 's1', managementKeyPublic: 'ssh-ed25519 AAAA', login: 'adoption' }),
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
  const { asked, ending } = await runOperation('server_provision', does, { noteOf })
  return { did: [...asked.slice(0, 6), ...asked.slice(6, 9).toSorted(), ...asked.slice(9)], ending }
}

const prepared = [
  ...['planProvisioning', 'reachServer', 'awaitSystem', 'createUser', 'handOver', 'installPackages'],
  ...['banAttackers', 'installDocker', 'keepUpToDate', 'planFirewalls', 'applyFirewall'],
]

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
