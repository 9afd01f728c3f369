import { describe, expect, it } from 'vitest'
import { rollOut } from './roll-out.ts'
import { failure, on, operationRunner } from './run-operation.ts'

const runOperation = operationRunner()

const change = (...wish: [Parameters<typeof rollOut>[2]?, object?]) => rollOut(runOperation, 'config_change', ...wish)
const running = { ...on, unresolved: [], running: { artifactId: 'artifact', reference: 'sha256:live' } }

describe('a configuration change', () => {
  it('starts the image that runs already, and goes on as a deploy does, without a build or a migration', async () => {
    const images: string[] = []
    const startReplica = async ({ image }: { image: { reference: string } }) => void images.push(image.reference)
    const { asked, ending } = await change({ startReplica }, { build: running })
    expect(asked).toEqual([
      ...['planConfigChange', 'startReplica'],
      ...['writeRevision', 'applyRevision'],
      ...['recordRelease', 'planCompletion', 'planPruning', 'pruneServer', 'planFirewalls', 'applyFirewall'],
    ])
    expect(images).toEqual(['sha256:live'])
    expect(ending).toEqual({ status: 'succeeded', outcome: 'changed' })
  })

  it('looks for the image that no container runs, and is taken back where it is gone', async () => {
    const { asked, ending } = await change({ findReleasedImage: () => Promise.reject(failure('image_gone')) })
    expect(asked).toEqual(['planConfigChange', 'findReleasedImage', 'beginConvergence', 'stopReplica', 'planFirewalls', 'applyFirewall', 'endConvergence'])
    expect(ending).toMatchObject({ status: 'failed', failure: { code: 'image_gone' } })
  })

  it('pulls the image where it is to run next', async () => {
    const pulled: string[] = []
    const pullImage = async ({ serverId }: { serverId: string }) => void pulled.push(serverId)
    await change({ pullImage }, { build: { ...running, pulls: [{ serverId: 'another', serverName: 's2' }] } })
    expect(pulled).toEqual(['another'])
  })

  it('of nothing is unchanged', async () => {
    const { asked, ending } = await change({ planConfigChange: async () => ({ isUnchanged: true }) })
    expect(asked).toEqual(['planConfigChange'])
    expect(ending).toEqual({ status: 'succeeded', outcome: 'unchanged' })
  })

  it('of nothing closes the ports of what was detached, or says that it could not', async () => {
    const planConfigChange = async () => ({ isUnchanged: true, firewalls: [{ ...on, revision: 8 }] })
    expect((await change({ planConfigChange })).asked).toEqual(['planConfigChange', 'applyFirewall'])
    const { asked, ending } = await change({ planConfigChange, applyFirewall: () => Promise.reject(failure('ssh_unreachable')) })
    expect(asked).toEqual(['planConfigChange', 'applyFirewall', 'addWarning'])
    expect(ending).toEqual({ status: 'succeeded', outcome: 'unchanged' })
  })
})
