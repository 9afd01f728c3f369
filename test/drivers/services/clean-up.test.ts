import { describe, expect, it } from 'vitest'
import { cleanUp, removeVolume } from '../../../drivers/services/clean-up.ts'
import { allDrivers, serviceDriver } from '../../../drivers/services/registry.ts'
import { restartContainer } from '../../../drivers/services/restart.ts'

describe('cleaning up', () => {
  const step = cleanUp({ folders: ['/home/keystone/services/1'], networks: ['keystone_service_1'], images: ['postgres@sha256:1'], volumeLabel: 'keystone.service=1' })

  it('is given what is to go, one a line, and the label of the volumes that stay', () => {
    expect(step.inputs).toEqual({
      ...{ FOLDERS: '/home/keystone/services/1', NETWORKS: 'keystone_service_1', NAMES: 'postgres@sha256:1' },
      VOLUME_LABEL: 'keystone.service=1',
    })
  })

  it('removes no volume', () => {
    expect(step.script).not.toMatch(/volume (rm|remove|prune)|--volumes|down -v/)
  })

  it('reports the volumes that stay, with their sizes where these were counted', () => {
    expect(step.parse('{"name":"keystone_service_1_data","sizeBytes":4096}\n{"name":"other","sizeBytes":null}\n')).toEqual([
      { name: 'keystone_service_1_data', sizeBytes: 4096 },
      { name: 'other', sizeBytes: null },
    ])
    expect(step.parse('')).toEqual([])
  })
})

it('a volume is deleted by its name', () => {
  expect(removeVolume('keystone_service_1_data')).toMatchObject({ name: 'delete volume', inputs: { VOLUME: 'keystone_service_1_data' } })
})

it('a container is restarted with the time that its process needs to end', () => {
  expect(restartContainer({ containerName: 'db-1', graceSeconds: 60 }).inputs).toEqual({ CONTAINER: 'db-1', GRACE_SECONDS: '60', TIMEOUT_SECONDS: '300' })
})

describe('what remains of a service', () => {
  const remains = (name: Parameters<typeof serviceDriver>[0]) => serviceDriver(name).configured({}).remains({ serviceId: 'one' })

  it('is its folder, and the network of its own', () => {
    expect(remains('postgres')).toEqual({ folders: ['/home/keystone/services/one'], networks: ['keystone_service_one'] })
    expect(remains('valkey')).toEqual(remains('postgres'))
    expect(remains('laravel')).toEqual({ folders: ['/home/keystone/services/one'], networks: [] })
    expect(remains('caddy')).toEqual({ folders: ['/home/keystone/gateway'], networks: [] })
    expect(remains('buildkit')).toEqual({ folders: [], networks: [] })
  })

  it('lies below the folder of Keystone, whatever the driver', () => {
    for (const { name } of allDrivers()) for (const folder of remains(name).folders) expect(folder).toMatch(/^\/home\/keystone\/[a-z]+/)
  })
})

describe('a change of settings', () => {
  it('takes no persistent path away from a Laravel service, but adds some', () => {
    const { refuseChange } = serviceDriver('laravel')
    expect(refuseChange({ persistentPaths: ['storage/app', 'uploads'] }, { persistentPaths: ['uploads'] })).toMatchObject({ setting: 'persistentPaths', reason: expect.stringContaining('storage/app') })
    expect(refuseChange({}, { persistentPaths: ['storage/app', 'uploads'] })).toBeNull()
    expect(refuseChange({}, { healthPath: '/health' })).toBeNull()
  })

  it('is free for drivers that refuse none', () => {
    expect(serviceDriver('valkey').refuseChange({}, { maxMemoryMb: 64 })).toBeNull()
  })
})
