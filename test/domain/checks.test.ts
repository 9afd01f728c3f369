import { describe, expect, it } from 'vitest'
import { type EnvironmentFacts, environmentWarnings, isNearlyFull, type Link } from '../../domain/checks.ts'
import { isCheck, readWarning } from '../../domain/warnings.ts'

const settings = { appEnv: 'production', appDebug: 'false', filesystemDisk: 's3' }
const found = (facts: Partial<EnvironmentFacts> = {}) =>
  environmentWarnings({ path: '/environment', settings, persistentPaths: ['storage/app'], webServers: 1, links: [], fullDisks: [], ...facts })

it('nothing is found where nothing is wrong', () => {
  expect(found()).toEqual([])
})

describe('debugging', () => {
  const debug = (values: Partial<typeof settings>) => found({ settings: { ...settings, ...values } })

  it.each(['true', '(true)', '1', 'on', 'TRUE'])('is warned of in production where it is %s, with the request that ends it', (appDebug) => {
    expect(debug({ appDebug })).toEqual([
      {
        code: 'debug_in_production',
        message: expect.stringContaining('APP_DEBUG'),
        hint: expect.any(String),
        request: { method: 'PUT', path: '/environment/variables/APP_DEBUG', body: { value: 'false' } },
      },
    ])
  })

  it('is nobody else\'s matter elsewhere', () => {
    expect(debug({ appEnv: 'staging', appDebug: 'true' })).toEqual([])
  })
})

describe('servers that are apart', () => {
  const link = (values: Partial<Link>): Link => ({ kind: 'data', name: 'main', from: ['web-1', 'web-2'], to: ['db-1'], isPublic: true, isNear: false, ...values })
  const codes = (values: Partial<Link>) => found({ links: [link(values)] }).map(({ code }) => code)

  it('are told of by what goes over the internet and by what is far', () => {
    expect(found({ links: [link({})] }).map(({ code, message }) => [code, message])).toEqual([
      ['public_fallback', 'main on db-1 is reached from web-1, web-2 over the internet, unencrypted.'],
      ['database_far', 'main on db-1 is reached from web-1, web-2, in another location: each query takes its way there and back.'],
    ])
    expect(codes({ kind: 'upstream' })).toEqual(['public_fallback', 'cross_location_upstream'])
  })

  it('may be near and public, or far in one private network', () => {
    expect([codes({ isNear: true }), codes({ isPublic: false }), codes({ isPublic: false, isNear: true })]).toEqual([['public_fallback'], ['database_far'], []])
  })
})

describe('files on the disk of one of several servers', () => {
  const local = (filesystemDisk: string | null, persistentPaths = ['storage/app'], webServers = 2) =>
    found({ settings: { ...settings, filesystemDisk }, persistentPaths, webServers })

  it.each([null, 'local', 'public'])('are warned of where FILESYSTEM_DISK is %s, with the request that moves them', (disk) => {
    expect(local(disk)).toMatchObject([{ code: 'local_disk', request: { path: '/environment/variables/FILESYSTEM_DISK', body: { value: 's3' } } }])
    expect(local(disk, ['storage/app'], 1)).toEqual([])
  })

  it('are warned of where the application keeps folders of its own', () => {
    expect(local('s3')).toEqual([])
    expect(local('s3', ['storage/app', 'uploads'])).toEqual([
      { code: 'local_disk', message: expect.stringContaining('uploads is kept on each server for itself'), hint: expect.any(String) },
    ])
  })
})

it('a disk is nearly full where there is hardly room for another image', () => {
  expect([isNearlyFull(3071), isNearlyFull(3072)]).toEqual([true, false])
  expect(found({ fullDisks: [{ serverName: 'web-1', freeMb: 900 }] })).toMatchObject([{ code: 'disk_nearly_full', message: expect.stringContaining('900 MB of the disk of web-1') }])
})

it('a warning that was stored as a sentence is a note, and no check', () => {
  expect(readWarning('it was so')).toEqual({ code: 'note', message: 'it was so' })
  expect([isCheck(readWarning('it was so')), isCheck({ code: 'local_disk' }), isCheck({ code: 'migrations_stay' })]).toEqual([false, true, false])
})
